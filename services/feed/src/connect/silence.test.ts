/** Connections that are given up for want of data, one after the other. */
import { createFakeClock } from '@weir/testing';
import { findVenue } from '@weir/venues';
import { expect, test } from 'vitest';
import { createFetchState, decideFetch, noteFetched, noteLiveness, type Liveness } from '../rest/decide-fetch.ts';
import { createConnector } from './connector.ts';
import { openLink } from './link.ts';
import { patienceMs, resumedLink, surveyedLink } from './silence.ts';
import type { SocketHandlers } from './socket.ts';

type Request = Readonly<Record<string, unknown>>;
type Hear = (frame: object) => void;

const HOUR_S = 3_600;
const FETCHES = { isFallbackEnabled: true, batchIntervalMs: 2_000 };

/** A connector, the venue at the other end, and the decision whether REST stands in. */
function createBench(id: string, symbols: readonly string[], serve: (request: Request, hear: Hear) => void) {
  const venue = findVenue(id) ?? expect.unreachable();
  const clock = createFakeClock();
  const sockets: (SocketHandlers & { readonly sent: string[]; isOver: boolean; isOpen: boolean })[] = [];
  const openedS: number[] = [];
  const connector = createConnector({
    venue,
    url: 'wss://venue.test/ws',
    symbols: symbols.map((symbol) => ({ asset: symbol, quote: 'USD', symbol })),
    clock,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined } as never,
    telemetry: { counter: () => ({ add: () => undefined, value: 0 }) },
    random: () => 0,
    onQuote: () => undefined,
    onHalted: () => undefined,
    onStatus: () => undefined,
    openSocket: (_url, _timeoutMs, handlers) => {
      const socket = { ...handlers, sent: [] as string[], isOver: false, isOpen: false };
      sockets.push(socket);
      openedS.push(Math.round(clock.monotonicMs() / 1_000));
      return {
        send: (text) => void socket.sent.push(text),
        ping: () => undefined,
        terminate: () => (socket.isOver = true),
        closed: Promise.resolve(),
      };
    },
  });
  connector.start();
  const hear: Hear = (frame) => {
    const socket = sockets.at(-1);
    if (socket?.isOpen === true && !socket.isOver) socket.onFrame(JSON.stringify(frame));
  };
  const answer = (): void => {
    const socket = sockets.at(-1) ?? expect.unreachable();
    if (!socket.isOpen && !socket.isOver) {
      socket.isOpen = true;
      socket.onOpen();
    }
    for (let text = socket.sent.shift(); text !== undefined; text = socket.sent.shift())
      serve(JSON.parse(text) as Request, hear);
  };
  let fetches = createFetchState(0);
  const restS: number[] = [];
  const decide = (second: number): void => {
    const nowMs = clock.monotonicMs();
    const liveness: Liveness = connector.status.state === 'ok' ? 'live' : 'down';
    const { state, fetch } = decideFetch(noteLiveness(fetches, liveness, nowMs), FETCHES, nowMs);
    if (fetch !== undefined) restS.push(second);
    fetches =
      fetch === undefined ? state : noteFetched(state, { via: fetch, startedMs: nowMs, isOk: true }, FETCHES, nowMs);
  };
  const words = (): string => `${connector.status.state} ${connector.status.reason}`;
  const seen: string[] = [];
  const pass = async (seconds: number, each: (second: number) => void): Promise<void> => {
    for (let second = 1; second <= seconds; second += 1) {
      await clock.advance(1_000);
      answer();
      each(second);
      answer();
      decide(second);
      if (seen.at(-1) !== words()) seen.push(words());
    }
  };
  return { clock, sockets, openedS, hear, pass, words, seen, restS };
}

const SYMBOLS = Array.from({ length: 60 }, (_, index) => `A${index}/USD`);
const ticker = (symbol: string, last: number, timestamp: string): object => ({
  channel: 'ticker',
  type: 'update',
  data: [{ symbol, bid: last - 1, ask: last + 1, last, timestamp }],
});
/** Kraken, with the same snapshot of each market for every connection. */
const kraken = (count: number) =>
  createBench('kraken', SYMBOLS.slice(0, count), ({ method, params, req_id: id }, hear) => {
    if (method !== 'subscribe') return;
    for (const symbol of (params as { readonly symbol: readonly string[] }).symbol) {
      hear({ method, result: { channel: 'ticker', symbol }, success: true, req_id: id });
      hear(ticker(symbol, 100, '2026-11-21T12:00:00.000000Z'));
    }
  });
const HEARTBEAT = { channel: 'heartbeat' };
const krakenStatus = (system: string): object => ({ channel: 'status', type: 'update', data: [{ system }] });

test('of a venue that stands still behind its snapshots REST has the place, and connections are half as many each time', async () => {
  const { openedS, hear, pass, words, restS } = kraken(60);
  await pass(HOUR_S, () => hear(HEARTBEAT));
  const lastedS = openedS.slice(1).map((second, index) => second - (openedS[index] ?? 0));
  expect(lastedS.length).toBeLessThanOrEqual(6);
  for (const [index, seconds] of lastedS.entries()) {
    expect(seconds).toBeGreaterThanOrEqual(30 * 2 ** index);
    expect(seconds).toBeLessThanOrEqual(30 * 2 ** index + 5);
  }
  expect(words()).toBe('stale Unproven');
  // From 5 s after the first give-up on, without a pause.
  expect(restS[0]).toBeLessThan(42);
  expect(restS.length).toBeGreaterThan((HOUR_S - 42) / 2 - 10);
});

test('the first market that moves on a new connection ends that, and the next time is a first one', async () => {
  const { clock, sockets, hear, pass, words } = kraken(60);
  await pass(100, () => hear(HEARTBEAT));
  expect([sockets.length, words()]).toEqual([3, 'stale Unproven']);
  // The same again moves nothing.
  await pass(10, () => {
    for (const symbol of SYMBOLS) hear(ticker(symbol, 100, '2026-11-21T12:00:00.000000Z'));
  });
  expect(words()).toBe('stale Unproven');
  hear(ticker('A7/USD', 101, new Date(clock.nowMs()).toISOString()));
  await pass(3, () => hear(HEARTBEAT));
  expect(words()).toBe('ok Live');
  await pass(25, () => hear(HEARTBEAT));
  expect(sockets).toHaveLength(3);
  await pass(8, () => hear(HEARTBEAT));
  expect(sockets).toHaveLength(4);
});

test('heartbeats alone from one market end a connection after 10 minutes, and the next after 20', async () => {
  const { openedS, hear, pass } = kraken(1);
  await pass(HOUR_S, () => hear(HEARTBEAT));
  expect(openedS).toHaveLength(3);
});

test('tickers that stop while heartbeats name new trades are left to REST until they go on', async () => {
  const products = new Set<string>();
  const assets = Array.from({ length: 20 }, (_, index) => `A${index}-USD`);
  let tradeId = 1;
  const tick = (product: string): object => ({
    type: 'ticker',
    product_id: product,
    price: '100',
    sequence: tradeId,
    trade_id: tradeId,
    time: new Date(clock.nowMs()).toISOString(),
  });
  const { clock, sockets, hear, pass, words, seen, restS } = createBench('coinbase', assets, (request, hearThis) => {
    if (request['type'] !== 'subscribe') return;
    for (const product of request['product_ids'] as readonly string[]) products.add(product);
    hearThis({ type: 'subscriptions', channels: [{ name: 'ticker', product_ids: [...products] }] });
    // A subscription brings the newest trade, and nothing else does.
    for (const product of request['product_ids'] as readonly string[]) hearThis(tick(product));
  });
  const beat = (): void => {
    tradeId += 1;
    for (const product of assets) hear({ type: 'heartbeat', product_id: product, last_trade_id: tradeId });
  };
  await pass(HOUR_S, beat);
  expect(sockets.length).toBeLessThanOrEqual(8);
  const firstS = restS[0] ?? expect.unreachable();
  expect(restS.length).toBeGreaterThan((HOUR_S - firstS) / 2 - 10);
  expect(seen.slice(seen.indexOf('down NoData')).filter((word) => word.startsWith('ok'))).toEqual([]);
  await pass(40, () => {
    beat();
    for (const product of assets) hear(tick(product));
  });
  expect(words()).toBe('ok Live');
});

test('nobody waits for more than half an hour, or for less than at first', () => {
  const { timing } = findVenue('kraken') ?? expect.unreachable();
  const waits = (firstMs: number) => [0, 1, 2, 20].map((freezes) => patienceMs(firstMs, { freezes }));
  expect(waits(30_000)).toEqual([30_000, 60_000, 120_000, 1_800_000]);
  expect(waits(timing.dataSilenceMs ?? 0)).toEqual([600_000, 1_200_000, 1_800_000, 1_800_000]);
  expect(waits(3_600_000)).toEqual([3_600_000, 3_600_000, 3_600_000, 3_600_000]);
});

test('a connection that was kept through work of ten minutes is kept when its venue goes on', async () => {
  const { clock, sockets, hear, pass, seen } = kraken(60);
  const move = (second: number): void => {
    hear(HEARTBEAT);
    hear(ticker('A1/USD', 100 + (second % 7), new Date(clock.nowMs()).toISOString()));
  };
  await pass(20, move);
  hear(krakenStatus('maintenance'));
  await pass(600, () => hear(HEARTBEAT));
  seen.length = 0;
  hear(krakenStatus('online'));
  await pass(5, () => hear(HEARTBEAT));
  await pass(20, move);
  expect([sockets.length, seen]).toEqual([1, ['ok Live']]);
});

test("a standstill counts as nobody's silence: the first look after it finds nothing stale", () => {
  const { timing } = findVenue('coinbase') ?? expect.unreachable();
  const survey = { followed: 3, valued: 3, unconfirmed: 3, lapsed: 3, moved: 0, missed: [] };
  const before = { ...openLink({ timing, symbolsPerFrame: 10 }, 0), staleSinceMs: 20_000, lastDataMs: 1_000 };
  const resumed = resumedLink(before, timing, 600_000);
  expect(surveyedLink(resumed, survey, timing, 602_500)).toEqual({ link: resumed });
  const { link } = surveyedLink(resumed, survey, timing, 617_500);
  expect(link.staleSinceMs).toBe(617_500);
  expect(surveyedLink(link, survey, timing, 632_500).fault).toBe('nothing confirms 3 of 3 markets');
});
