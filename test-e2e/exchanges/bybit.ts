/**
 * Bybit's public sockets, version 5: an answer per request, a refused topic refuses its request, a ticker without a book, and
 * the best of the book repeated after 3 s without a change. Work is announced on a socket of its own.
 */
import { createAnnouncedWork, type Work } from './announced-work.ts';
import { bybitRest, tickerRow } from './bybit-rest.ts';
import type { Market, Product, Quote } from './market.ts';
import {
  asObject,
  broadcast,
  joinChannel,
  leaveChannel,
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

const SPOT_PATH = '/v5/public/spot';
const STATUS_PATH = '/v5/public/misc/status';
const SYMBOL_CHANNELS = ['tickers', 'orderbook.1', 'publicTrade'];
const STATUS = 'system.status';
const ARGS_MAX = 10;
const ARGS_LENGTH_MAX = 21_000;
const REPEAT_MS = 3_000;

export const bybit: SimulatedVenue = {
  symbolOf: (asset, quote) => `${asset}${quote}`,
  dollarQuotes: ['USDT'],
  create: createBybit,
};

/** What was last sent of a book. */
interface Book {
  readonly update: number;
  readonly sentMs: number;
}

interface Venue {
  readonly market: Market;
  readonly time: VenueTime;
  readonly books: Map<string, Book>;
  idOf(client: Client): string;
}

function createBybit(market: Market, time: VenueTime): Protocol {
  const work = createAnnouncedWork();
  const ids = new WeakMap<Client, string>();
  let connections = 0;
  const venue: Venue = { market, time, books: new Map(), idOf: (client) => ids.get(client) ?? '' };
  return {
    wsPath: SPOT_PATH,
    restPath: '',
    connected: (client) => {
      connections += 1;
      ids.set(client, `d9avrj8i70nu0j2a80n0-${connections.toString(36)}`);
    },
    receive: (client, text) => receive(venue, client, text),
    pulse: (clients) => repeatBooks(venue, clients),
    traded: (clients, product) => {
      const { last, symbol } = product;
      if (last === undefined) return;
      const update = (venue.books.get(symbol)?.update ?? 1) + 1;
      venue.books.set(symbol, { update, sentMs: time.monotonicMs() });
      broadcast(clients, 'publicTrade', symbol, () => tradeFrame(symbol, last));
      broadcast(clients, 'orderbook.1', symbol, () => bookFrame(symbol, last, update, last.timeMs));
      broadcast(clients, 'tickers', symbol, () => tickerFrame(product, last));
    },
    maintenanceChanged: (clients) => {
      const told = work.changed(market.maintenance, time.nowMs());
      if (told.length === 0) return;
      const frame = JSON.stringify({ topic: STATUS, ts: time.nowMs(), data: told.map(workRow) });
      for (const client of clients) if (client.subscriptions.has(STATUS)) client.send(frame);
    },
    rest: (url) => bybitRest(market, url, time.nowMs()),
    replay: (frame) => replay(market, frame),
  };
}

/** To whom it concerns, with the number that the book had. */
function repeatBooks({ market, time, books }: Venue, clients: Iterable<Client>): void {
  const due = new Map<string, string>();
  const nowMs = time.monotonicMs();
  for (const client of clients) {
    for (const symbol of client.subscriptions.get('orderbook.1') ?? []) {
      const last = market.products.get(symbol)?.last;
      const book = books.get(symbol) ?? { update: 1, sentMs: -Infinity };
      if (last === undefined || (!due.has(symbol) && nowMs - book.sentMs < REPEAT_MS)) continue;
      const frame = due.get(symbol) ?? bookFrame(symbol, last, book.update, time.nowMs());
      due.set(symbol, frame);
      books.set(symbol, { ...book, sentMs: nowMs });
      client.send(frame);
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;

interface Topic {
  readonly channel: string;
  /** Absent: of a channel without symbols. */
  readonly product: Product | undefined;
}

function receive(venue: Venue, client: Client, text: string): void {
  const request = readObject(text) ?? {};
  const { op } = request;
  const answer = (success: boolean, ret_msg: string): void => {
    const { req_id } = request;
    const id = typeof req_id === 'string' ? { req_id } : {};
    client.send(JSON.stringify({ success, ret_msg, conn_id: venue.idOf(client), ...id, op: op ?? '' }));
  };
  if (op === 'ping') return answer(true, 'pong');
  if (op !== 'subscribe' && op !== 'unsubscribe') return answer(false, 'Invalid op');
  const args = textsOf(request['args']);
  if (args.length === 0 || args.length > ARGS_MAX) return answer(false, `args size >${ARGS_MAX}`);
  const topics: Topic[] = [];
  for (const name of args) {
    const topic = readTopic(venue.market, client.path, name);
    if (topic === undefined) return answer(false, `Invalid topic: ${name}`);
    topics.push(topic);
  }
  if (op === 'subscribe' && lengthOfTopics(client) + JSON.stringify(args).length > ARGS_LENGTH_MAX)
    return answer(false, 'args too long');
  if (op === 'unsubscribe') {
    for (const { channel, product } of topics) {
      if (product === undefined) leaveChannel(client, channel);
      else unsubscribe(client, channel, product.symbol);
    }
    return answer(true, '');
  }
  const fresh = topics.filter(({ channel, product }) => join(client, channel, product));
  answer(true, request['req_id'] === undefined ? 'subscribe' : '');
  for (const { channel, product } of fresh) {
    if (product?.last !== undefined) client.send(snapshot(venue, channel, product, product.last));
  }
}

function join(client: Client, channel: string, product: Product | undefined): boolean {
  if (product !== undefined) return subscribe(client, channel, product.symbol);
  joinChannel(client, channel);
  return false;
}

/** `undefined` when the socket of this path has no such topic. */
function readTopic(market: Market, path: string, name: string): Topic | undefined {
  if (path.startsWith(STATUS_PATH)) return name === STATUS ? { channel: STATUS, product: undefined } : undefined;
  const at = name.lastIndexOf('.');
  const channel = name.slice(0, Math.max(at, 0));
  const product = market.find(name.slice(at + 1));
  return SYMBOL_CHANNELS.includes(channel) && product !== undefined ? { channel, product } : undefined;
}

function lengthOfTopics(client: Client): number {
  let length = 0;
  for (const [channel, symbols] of client.subscriptions) {
    for (const symbol of symbols) length += channel.length + symbol.length + '".",'.length;
  }
  return length;
}

function snapshot({ books }: Venue, channel: string, product: Product, last: Quote): string {
  if (channel === 'tickers') return tickerFrame(product, last);
  if (channel === 'publicTrade') return tradeFrame(product.symbol, last);
  return bookFrame(product.symbol, last, books.get(product.symbol)?.update ?? 1, last.timeMs);
}

function tickerFrame(product: Product, last: Quote): string {
  return JSON.stringify({
    topic: `tickers.${product.symbol}`,
    ts: last.timeMs,
    type: 'snapshot',
    cs: last.sequence,
    data: tickerRow(product, last),
  });
}

function bookFrame(symbol: string, last: Quote, update: number, nowMs: number): string {
  const data = {
    s: symbol,
    b: [[last.bid, '0.175231']],
    a: [[last.ask, '0.996816']],
    u: update,
    seq: last.sequence,
  };
  return JSON.stringify({ topic: `orderbook.1.${symbol}`, ts: nowMs, type: 'snapshot', data, cts: last.timeMs });
}

function tradeFrame(symbol: string, last: Quote): string {
  const row = {
    i: String(last.tradeId),
    T: last.timeMs,
    p: last.price,
    v: last.size,
    S: last.side === 'buy' ? 'Buy' : 'Sell',
    seq: last.sequence,
    s: symbol,
    BT: false,
    RPI: false,
  };
  return JSON.stringify({ topic: `publicTrade.${symbol}`, ts: last.timeMs, type: 'snapshot', data: [row] });
}

function workRow({ id, title, state, startMs, endMs, stopsTrading }: Work): object {
  return {
    id,
    title,
    state,
    begin: String(startMs),
    end: String(endMs),
    href: '',
    serviceTypes: stopsTrading ? [1, 2, 3] : [4, 5],
    product: [1, 2],
    uidSuffix: [],
    maintainType: 1,
    env: 1,
  };
}

function replay(market: Market, frame: string): Route {
  const fields = readObject(frame);
  const topic = fields?.['topic'];
  // Answers belong to the client that was recorded.
  if (typeof topic !== 'string') return { to: 'nobody' };
  if (topic === STATUS) return { to: 'all' };
  const symbol = topic.slice(topic.lastIndexOf('.') + 1);
  const { lastPrice } = asObject(fields?.['data']) ?? {};
  const { ts, cs } = (fields ?? {}) satisfies Fields;
  if (topic.startsWith('tickers.') && typeof lastPrice === 'string') {
    const last = market.products.get(symbol)?.last;
    market.remember(symbol, {
      price: lastPrice,
      bid: lastPrice,
      ask: lastPrice,
      size: '0',
      side: 'buy',
      tradeId: (last?.tradeId ?? 0) + 1,
      sequence: Number(cs) || 0,
      time: new Date(Number(ts) || 0).toISOString(),
    });
  }
  return { to: 'symbols', symbols: [symbol] };
}
