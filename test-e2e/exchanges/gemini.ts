/**
 * Gemini's socket of today: answers that bear nothing but the id of their request, whole frames refused for one bad
 * stream, times in nanoseconds, padded prices. At /v2/marketdata the archived protocol is spoken, as at the old address.
 */
import { createArchived, isArchived } from './gemini-archived.ts';
import { geminiRest } from './gemini-rest.ts';
import type { Market, Product, Quote } from './market.ts';
import {
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

export const gemini: SimulatedVenue = {
  symbolOf: (asset, quote) => `${asset}${quote}`.toLowerCase(),
  dollarQuotes: ['USD'],
  create: createGemini,
};

const CHANNELS = ['bookTicker', 'trade'];

function createGemini(market: Market, time: VenueTime): Protocol {
  const archived = createArchived(market, time);
  return {
    wsPath: '/',
    restPath: '',
    connected: () => undefined,
    receive: (client, text) => {
      if (isArchived(client)) archived.receive(client, text);
      else receive(market, client, text, time);
    },
    pulse: (clients) => archived.pulse(clients),
    traded: (clients, product) => {
      const { last, symbol } = product;
      if (last === undefined) return;
      broadcast(clients, 'trade', symbol, () => tradeFrame(symbol, last));
      broadcast(clients, 'bookTicker', symbol, () => bookFrame(product, time.nowMs()));
      archived.traded(clients, product);
    },
    // It tells nobody.
    maintenanceChanged: () => undefined,
    rest: (url) => geminiRest(market, url),
    replay: (frame) => replay(market, frame),
  };
}

const INVALID_PARAMETERS = -1013;
const UNKNOWN_METHOD = -1020;

function receive(market: Market, client: Client, text: string, time: VenueTime): void {
  const request = readObject(text);
  const id = request?.['id'];
  const method = request?.['method'];
  const fail = (code: number, msg: string): void =>
    client.send(JSON.stringify({ id, status: 400, error: { code, msg } }));
  const succeed = (more: object = {}): void => client.send(JSON.stringify({ id, status: 200, ...more }));
  switch (typeof method === 'string' ? method.toLowerCase() : undefined) {
    case 'ping':
      return succeed();
    case 'list_subscriptions':
      return succeed({ result: streamsOf(client) });
    case 'subscribe':
    case 'unsubscribe':
      break;
    default:
      return fail(UNKNOWN_METHOD, 'Unsupported operation');
  }
  const names = textsOf(request?.['params']);
  if (names.length === 0) return fail(INVALID_PARAMETERS, 'Invalid params');
  const streams = names.map((name) => readStream(market, name));
  const bad = names.find((_, index) => streams[index] === undefined);
  if (bad !== undefined) return fail(INVALID_PARAMETERS, `Invalid stream name: ${bad}`);
  succeed();
  for (const stream of streams) {
    if (stream === undefined) continue;
    if (method !== 'subscribe' && method !== 'SUBSCRIBE') unsubscribe(client, stream.channel, stream.product.symbol);
    else if (subscribe(client, stream.channel, stream.product.symbol) && stream.channel === 'bookTicker')
      client.send(bookFrame(stream.product, time.nowMs()));
  }
}

interface Stream {
  readonly product: Product;
  readonly channel: string;
}

/** Any case goes in; what comes out is lower case. */
function readStream(market: Market, name: string): Stream | undefined {
  const [symbol = '', channel = '', ...more] = name.split('@');
  const product = market.find(symbol.toLowerCase());
  if (product === undefined || more.length > 0 || !CHANNELS.includes(channel)) return undefined;
  return { product, channel };
}

function streamsOf({ subscriptions }: Client): string[] {
  return [...subscriptions].flatMap(([channel, symbols]) => [...symbols].map((symbol) => `${symbol}@${channel}`));
}

/** Ids of all symbols are of one range above this. */
const FIRST_UPDATE = 1_764_549_594_000_000;

/** Written by hand: nanoseconds are more than a JSON number made of a float can hold. What never traded has no book. */
function bookFrame({ symbol, last }: Product, nowMs: number): string {
  if (last === undefined) return `{"u":${FIRST_UPDATE},"E":${nanoseconds(nowMs)},"s":"${symbol}"}`;
  return (
    `{"u":${FIRST_UPDATE + last.sequence},"E":${nanoseconds(last.timeMs)},"s":"${symbol}","b":"${padded(last.bid)}",` +
    `"B":"958.69148000","a":"${padded(last.ask)}","A":"38.39060000","c":"${padded(last.price)}","C":"${last.size}"}`
  );
}

function tradeFrame(symbol: string, last: Quote): string {
  const isBuyerMaker = last.side === 'sell';
  return (
    `{"E":${nanoseconds(last.timeMs)},"s":"${symbol}","t":${last.tradeId},"p":"${padded(last.price)}",` +
    `"q":"${last.size}","m":${isBuyerMaker}}`
  );
}

function nanoseconds(timeMs: number): string {
  return `${Math.trunc(timeMs)}076872`;
}

function padded(price: string): string {
  return price.includes('.') ? `${price}00` : `${price}.00`;
}

function replay(market: Market, frame: string): Route {
  const fields = readObject(frame);
  if (fields?.['status'] !== undefined) return { to: 'nobody' };
  const name = fields?.['s'] ?? fields?.['symbol'];
  if (typeof name !== 'string') return { to: 'all' };
  const symbol = name.toLowerCase();
  const before = market.products.get(symbol)?.last;
  const text = (field: string): string | undefined => {
    const value = fields?.[field];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const price = text('c') ?? text('p') ?? text('price');
  const timeMs = Number(fields?.['timestamp'] ?? Math.floor(Number(fields?.['E'] ?? 0) / 1_000_000));
  if (price !== undefined && fields?.['side'] !== 'block') {
    market.remember(symbol, {
      price,
      bid: text('b') ?? price,
      ask: text('a') ?? price,
      size: text('C') ?? text('q') ?? text('quantity') ?? '0',
      side: fields?.['side'] === 'sell' || fields?.['m'] === true ? 'sell' : 'buy',
      tradeId: (before?.tradeId ?? 0) + 1,
      sequence: before?.sequence ?? 0,
      time: new Date(timeMs).toISOString(),
    });
  }
  return { to: 'symbols', symbols: [symbol] };
}
