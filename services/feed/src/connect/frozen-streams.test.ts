/** Connections on which heartbeats go on and data does not. */
import { createFakeClock } from '@weir/testing';
import { findVenue, type Venue } from '@weir/venues';
import { expect, test } from 'vitest';
import { createConnector, type SourceQuote } from './connector.ts';
import type { SocketHandlers } from './socket.ts';

interface FakeSocket extends SocketHandlers {
  readonly sent: string[];
  isTerminated: boolean;
}

interface Bench {
  readonly symbolOf: (asset: string) => string;
  /** The venue's answer to what was sent, if it is a subscription. */
  readonly grant: (request: Readonly<Record<string, unknown>>) => object | undefined;
}

/** A live connector of so many markets in dollars, A0 and on. */
function createBench(id: string, count: number, { symbolOf, grant }: Bench) {
  const venue: Venue = findVenue(id) ?? expect.unreachable();
  const clock = createFakeClock();
  const sockets: FakeSocket[] = [];
  const quotes: SourceQuote[] = [];
  const statuses: string[] = [];
  const assets = Array.from({ length: count }, (_, index) => `A${index}`);
  const connector = createConnector({
    venue,
    url: 'wss://venue.test/ws',
    symbols: assets.map((asset) => ({ asset, quote: 'USD', symbol: symbolOf(asset) })),
    clock,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined } as never,
    telemetry: { counter: () => ({ add: () => undefined, value: 0 }) },
    random: () => 0,
    onQuote: (quote) => quotes.push(quote),
    onHalted: () => undefined,
    onStatus: ({ state, reason }) => statuses.push(`${state} ${reason}`),
    openSocket: (_url, _timeoutMs, handlers) => {
      const socket: FakeSocket = { ...handlers, sent: [], isTerminated: false };
      sockets.push(socket);
      return {
        send: (text) => void socket.sent.push(text),
        ping: () => undefined,
        terminate: () => (socket.isTerminated = true),
        closed: Promise.resolve(),
      };
    },
  });
  connector.start();
  const socket = (): FakeSocket => sockets.at(-1) ?? expect.unreachable();
  socket().onOpen();
  const hear = (frame: object): void => socket().onFrame(JSON.stringify(frame));
  const subscribed: object[] = [];
  const grantAll = (): void => {
    for (let text = socket().sent.shift(); text !== undefined; text = socket().sent.shift()) {
      const request = JSON.parse(text) as Readonly<Record<string, unknown>>;
      const answer = grant(request);
      if (answer === undefined) continue;
      subscribed.push(request);
      hear(answer);
    }
  };
  grantAll();
  const words = (): string => `${connector.status.state} ${connector.status.reason}`;
  /** So many seconds with the same frames in each. */
  const pass = async (seconds: number, frames: () => readonly object[]): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      await clock.advance(1_000);
      if (socket().isTerminated || sockets.length > 1) continue;
      grantAll();
      for (const frame of frames()) hear(frame);
    }
  };
  return { connector, clock, sockets, assets, quotes, statuses, subscribed, hear, words, pass };
}

const product = (asset: string): string => `${asset}-USD`;
const coinbase = (count: number) => {
  const products = new Set<string>();
  const bench = createBench('coinbase', count, {
    symbolOf: product,
    // Everything that is subscribed.
    grant: ({ product_ids: asked }) => {
      for (const one of asked as readonly string[]) products.add(one);
      return { type: 'subscriptions', channels: [{ name: 'ticker', product_ids: [...products] }] };
    },
  });
  const trade = (asset: string, tradeId: number): object => ({
    type: 'ticker',
    product_id: product(asset),
    price: '100',
    sequence: tradeId,
    trade_id: tradeId,
    time: new Date(bench.clock.nowMs()).toISOString(),
  });
  const beat = (asset: string, tradeId: number): object => ({
    type: 'heartbeat',
    product_id: product(asset),
    last_trade_id: tradeId,
  });
  for (const asset of bench.assets) bench.hear(trade(asset, 1));
  return { ...bench, trade, beat };
};

test('a market whose heartbeats name trades that are not sent is asked for again after 5 s, once a minute', async () => {
  const { assets, subscribed, pass, trade, beat, words } = coinbase(3);
  subscribed.length = 0;
  let second = 1;
  // The others go on.
  const frames = (): object[] => {
    second += 1;
    return [beat('A0', second), ...assets.slice(1).flatMap((asset) => [trade(asset, second), beat(asset, second)])];
  };
  await pass(5, frames);
  expect(subscribed).toEqual([]);
  await pass(5, frames);
  expect(subscribed).toMatchObject([{ type: 'subscribe', product_ids: ['A0-USD'] }]);
  await pass(45, frames);
  expect(subscribed).toHaveLength(1);
  expect(words()).toBe('ok Live');
});

test('a connection most of whose markets are no longer confirmed is stale after 15 s and given up after as long again', async () => {
  const { pass, beat, trade, words, sockets, assets, quotes, statuses } = coinbase(3);
  let second = 1;
  const frames = (): object[] => {
    second += 1;
    return [trade('A0', second), ...assets.map((asset) => beat(asset, second))];
  };
  await pass(15, frames);
  expect(words()).toBe('ok Live');
  await pass(3, frames);
  expect(words()).toBe('stale Unconfirmed');
  expect(quotes.filter(({ asset }) => asset === 'A1').at(-1)?.confirmedMonotonicMs).toBe(0);
  await pass(14, frames);
  expect(sockets).toHaveLength(1);
  await pass(2, frames);
  expect([sockets[0]?.isTerminated, statuses.includes('down NoData')]).toEqual([true, true]);
});

test('a stale connection whose markets are confirmed again is live again', async () => {
  const { pass, beat, words, assets, trade, sockets } = coinbase(3);
  await pass(20, () => assets.map((asset) => beat(asset, 2)));
  expect(words()).toBe('stale Unconfirmed');
  await pass(5, () => assets.map((asset) => trade(asset, 2)));
  expect(words()).toBe('ok Live');
  expect(sockets).toHaveLength(1);
});

test('quiet markets whose heartbeats name their last trade are live for hours', async () => {
  const { pass, beat, statuses, sockets, assets, words } = coinbase(60);
  const since = statuses.length;
  await pass(600, () => assets.map((asset) => beat(asset, 1)));
  expect([words(), statuses.slice(since)]).toEqual(['ok Live', []]);
  expect(sockets).toHaveLength(1);
});

const OF_PONGS = {
  gateio: {
    symbolOf: (asset: string): string => `${asset}_USD`,
    grant: ({ event, payload, id }: Readonly<Record<string, unknown>>): object | undefined =>
      event === 'subscribe'
        ? { id, channel: 'spot.tickers', event, payload, error: null, result: { status: 'success' } }
        : undefined,
    ticker: (symbol: string, timeMs: number): object => ({
      time: Math.floor(timeMs / 1_000),
      time_ms: timeMs,
      channel: 'spot.tickers',
      event: 'update',
      result: { currency_pair: symbol, last: '100', lowest_ask: '101', highest_bid: '99' },
    }),
    pong: { time: 1, channel: 'spot.pong', event: '', result: null },
  },
  gemini: {
    symbolOf: (asset: string): string => `${asset}usd`.toLowerCase(),
    grant: ({ id }: Readonly<Record<string, unknown>>): object | undefined =>
      typeof id === 'number' ? { id, status: 200 } : undefined,
    ticker: (s: string, timeMs: number): object => ({ u: timeMs, E: timeMs * 1e6, s, b: '99', a: '101', c: '100' }),
    pong: { id: 'ping-1', status: 200, result: {} },
  },
};

test.each([
  ['gateio', 60, 30],
  ['gateio', 10, 150],
  ['gemini', 60, 30],
  ['gemini', 10, 150],
] as const)(
  '%s: answers to pings prove nothing when none of %i markets has sent anything for %i s',
  async (id, count, silenceSeconds) => {
    const { ticker, pong, symbolOf } = OF_PONGS[id];
    const { clock, hear, pass, sockets, words, assets, quotes, statuses } = createBench(id, count, OF_PONGS[id]);
    expect(words()).toBe('ok Live');
    for (const asset of assets) hear(ticker(symbolOf(asset), clock.nowMs()));
    await pass(silenceSeconds - 1, () => [pong]);
    expect(sockets).toHaveLength(1);
    expect(quotes.at(-1)?.confirmedMonotonicMs).toBeGreaterThan((silenceSeconds - 3) * 1_000);
    await pass(4, () => [pong]);
    expect([sockets[0]?.isTerminated, statuses.includes('down NoData')]).toEqual([true, true]);
  },
);

test('books that are no longer repeated are the end of a connection that answers to pings', async () => {
  const { hear, pass, words, sockets, statuses } = createBench('bybit', 2, {
    symbolOf: (asset) => `${asset}USD`,
    grant: ({ op, req_id: requestId }) =>
      op === 'subscribe' ? { success: true, ret_msg: '', conn_id: 'x', req_id: requestId, op } : undefined,
  });
  const pong = { success: true, ret_msg: 'pong', conn_id: 'x', req_id: '', op: 'ping' };
  for (const s of ['A0USD', 'A1USD']) {
    const book = { s, b: [['99', '1']], a: [['101', '1']], u: 1, seq: 1 };
    hear({ topic: `tickers.${s}`, ts: 1, type: 'snapshot', cs: 1, data: { symbol: s, lastPrice: '100' } });
    hear({ topic: `orderbook.1.${s}`, ts: 1, type: 'snapshot', data: book });
  }
  await pass(18, () => [pong]);
  expect(words()).toBe('stale Unconfirmed');
  await pass(16, () => [pong]);
  expect([sockets[0]?.isTerminated, statuses.includes('down NoData')]).toEqual([true, true]);
});
