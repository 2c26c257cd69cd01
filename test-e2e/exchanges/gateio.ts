/**
 * Gate's spot socket, version 4: one answer per frame, which one bad pair refuses; tickers once a second and only after a
 * change, so that nothing comes of a quiet market, not even on subscribing; connections that say nothing are dropped without
 * a word.
 */
import { gateioRest, tickerBody } from './gateio-rest.ts';
import type { Market, Product, Quote } from './market.ts';
import {
  asObject,
  broadcast,
  readObject,
  subscribe,
  textsOf,
  unsubscribe,
  type Client,
  type Protocol,
  type Route,
  type SimulatedVenue,
  type VenueTime,
} from './protocol.ts';

export const gateio: SimulatedVenue = {
  symbolOf: (asset, quote) => `${asset}_${quote}`,
  dollarQuotes: ['USDT'],
  create: createGateio,
};

const CHANNELS = ['spot.tickers', 'spot.book_ticker', 'spot.trades'];
const UNSUBSCRIBED_MS = 30_000;
const SILENT_MS = 60_000;

interface Desk {
  readonly market: Market;
  readonly time: VenueTime;
  /** When each client last said something, or came. */
  readonly heardMs: WeakMap<Client, number>;
  /** Symbols that have changed since the last tickers. */
  readonly changed: Set<string>;
}

function createGateio(market: Market, time: VenueTime): Protocol {
  const desk: Desk = { market, time, heardMs: new WeakMap(), changed: new Set() };
  return {
    wsPath: '/ws/v4/',
    restPath: '/api/v4',
    connected: (client) => void desk.heardMs.set(client, time.monotonicMs()),
    receive: (client, text) => {
      desk.heardMs.set(client, time.monotonicMs());
      receive(desk, client, text);
    },
    pulse: (clients) => pulse(desk, clients),
    traded: (clients, product) => {
      const { last, symbol } = product;
      if (last === undefined) return;
      desk.changed.add(symbol);
      broadcast(clients, 'spot.trades', symbol, () => tradeFrame(symbol, last, time.nowMs()));
      broadcast(clients, 'spot.book_ticker', symbol, () => bookFrame(symbol, last, time.nowMs()));
    },
    // It tells nobody.
    maintenanceChanged: () => undefined,
    rest: (url) => gateioRest(market, url),
    replay: (frame) => replay(market, frame),
  };
}

function pulse({ market, time, heardMs, changed }: Desk, clients: Iterable<Client>): void {
  const nowMs = time.nowMs();
  let connected: Client['connected'] | undefined;
  for (const client of clients) {
    connected = client.connected;
    const sinceHeardMs = time.monotonicMs() - (heardMs.get(client) ?? 0);
    const sinceSentMs = time.monotonicMs() - client.lastSentMs;
    const isSubscribed = client.subscriptions.size > 0;
    if (isSubscribed ? Math.min(sinceHeardMs, sinceSentMs) >= SILENT_MS : sinceHeardMs >= UNSUBSCRIBED_MS)
      client.drop();
  }
  for (const symbol of changed) {
    const product = market.products.get(symbol);
    if (product !== undefined && connected !== undefined)
      broadcast(connected, 'spot.tickers', symbol, () => tickerFrame(product, nowMs));
  }
  changed.clear();
}

type Request = Readonly<Record<string, unknown>>;
interface Refusal {
  readonly code: number;
  readonly message: string;
}

/** What is no JSON is not answered. */
function receive(desk: Desk, client: Client, text: string): void {
  const request = readObject(text);
  if (request === undefined) return;
  const { channel, event } = request;
  if (channel === 'spot.ping') return answer(desk, client, { channel: 'spot.pong', event: '', result: null });
  const payload = textsOf(request['payload']);
  const error = faultOf(desk, request, payload);
  const id = request['id'];
  const echo = { ...(id !== undefined && { id }), channel, event, payload };
  if (error !== undefined) return answer(desk, client, { ...echo, error, result: { status: 'fail' } });
  answer(desk, client, { ...echo, result: { status: 'success' } });
  for (const symbol of payload) {
    if (event === 'unsubscribe') unsubscribe(client, String(channel), symbol);
    else subscribe(client, String(channel), symbol);
  }
}

const TIME_GAP_MAX_S = 60;

function faultOf({ market, time }: Desk, request: Request, payload: readonly string[]): Refusal | undefined {
  const { channel, event } = request;
  const invalid = (message: string): Refusal => ({ code: 2, message });
  if (event !== 'subscribe' && event !== 'unsubscribe') return { code: 1, message: 'Invalid request body format' };
  if (typeof channel !== 'string' || !CHANNELS.includes(channel)) return invalid(`Unknown channel ${String(channel)}`);
  const gapS = Math.abs(time.nowMs() / 1_000 - Number(request['time'] ?? Number.NaN));
  if (!(gapS <= TIME_GAP_MAX_S) || payload.length === 0) return invalid('Invalid argument provided');
  const unknown = payload.find((symbol) => market.find(symbol) === undefined);
  return unknown === undefined ? undefined : invalid(`unknown currency pair: ${unknown}`);
}

function answer({ time }: Desk, client: Client, fields: object): void {
  const trace = '1dc9df8b7bf583c0d0e9e18079d504ec';
  const ids = { conn_id: '06a3248d8f02479a', trace_id: trace };
  client.send(JSON.stringify({ ...timesOf(time.nowMs()), ...ids, ...fields, requestId: trace }));
}

function timesOf(nowMs: number): { readonly time: number; readonly time_ms: number } {
  return { time: Math.floor(nowMs / 1_000), time_ms: Math.trunc(nowMs) };
}

function update(channel: string, nowMs: number, result: object): string {
  return JSON.stringify({ ...timesOf(nowMs), channel, event: 'update', result });
}

function tickerFrame({ symbol, last, open }: Product, nowMs: number): string {
  return update('spot.tickers', nowMs, tickerBody(symbol, last, open));
}

function bookFrame(symbol: string, { timeMs, sequence, bid, ask }: Quote, nowMs: number): string {
  const result = { t: Math.trunc(timeMs), u: sequence, s: symbol, b: bid, B: '0.001', a: ask, A: '10' };
  return update('spot.book_ticker', nowMs, result);
}

function tradeFrame(symbol: string, { tradeId, timeMs, side, size, price }: Quote, nowMs: number): string {
  return update('spot.trades', nowMs, {
    id: tradeId,
    create_time: Math.floor(timeMs / 1_000),
    create_time_ms: `${Math.trunc(timeMs)}.0`,
    side,
    currency_pair: symbol,
    amount: size,
    price,
  });
}

function replay(market: Market, frame: string): Route {
  const fields = readObject(frame);
  if (fields?.['event'] === 'subscribe') return { to: 'nobody' };
  const row = asObject(fields?.['result']);
  const text = (name: string): string | undefined => {
    const value = row?.[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const symbol = text('currency_pair') ?? text('s');
  if (symbol === undefined) return { to: 'all' };
  const price = text('last') ?? text('price');
  const timeMs = Number(fields?.['time_ms'] ?? Number(fields?.['time'] ?? 0) * 1_000);
  if (price !== undefined) {
    const before = market.products.get(symbol)?.last;
    market.remember(symbol, {
      price,
      bid: text('highest_bid') ?? price,
      ask: text('lowest_ask') ?? price,
      size: text('amount') ?? '0',
      side: text('side') === 'sell' ? 'sell' : 'buy',
      tradeId: (before?.tradeId ?? 0) + 1,
      sequence: before?.sequence ?? 0,
      time: new Date(timeMs).toISOString(),
    });
  }
  return { to: 'symbols', symbols: [symbol] };
}
