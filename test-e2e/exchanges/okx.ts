/** OKX's public socket, version 5: an answer per argument, bare pings, the state of the market on subscription, notice 64008. */
import { createAnnouncedWork, type Work } from './announced-work.ts';
import type { Market, Product, Quote } from './market.ts';
import { okxRest, tickerRow } from './okx-rest.ts';
import {
  asObject,
  broadcast,
  joinChannel,
  leaveChannel,
  readObject,
  subscribe,
  unsubscribe,
  type Client,
  type Protocol,
  type Route,
  type SimulatedVenue,
  type VenueTime,
} from './protocol.ts';

const SYMBOL_CHANNELS = ['tickers', 'trades'];
const STATUS = 'status';
/** Nothing sent for so long, not even a pong. */
const IDLE_MS = 30_000;
const NOTHING_SENT = 4004;
/** Before the connection is closed for an upgrade. */
const NOTICE_MS = 60_000;
const NOTICE = 'The connection will soon be closed for a service upgrade. Please reconnect.';

export const okx: SimulatedVenue = {
  symbolOf: (asset, quote) => `${asset}-${quote}`,
  dollarQuotes: ['USDT'],
  create: createOkx,
};

type Fields = Readonly<Record<string, unknown>>;

interface Venue {
  readonly market: Market;
  readonly time: VenueTime;
  latestWork(): string | undefined;
  idOf(client: Client): string;
}

function createOkx(market: Market, time: VenueTime): Protocol {
  const work = createAnnouncedWork();
  const ids = new WeakMap<Client, string>();
  let connections = 0;
  let noticeDueMs = Infinity;
  const venue: Venue = {
    market,
    time,
    latestWork: () => work.latest && workFrame(work.latest, time.nowMs()),
    idOf: (client) => ids.get(client) ?? '',
  };
  const notify = (clients: Iterable<Client>): void => {
    if (time.nowMs() < noticeDueMs) return;
    noticeDueMs = Infinity;
    for (const client of clients) {
      client.send(JSON.stringify({ event: 'notice', code: '64008', msg: NOTICE, connId: venue.idOf(client) }));
    }
  };
  return {
    wsPath: '/ws/v5/public',
    restPath: '',
    connected: (client) => {
      connections += 1;
      ids.set(client, connections.toString(16).padStart(8, 'a'));
    },
    receive: (client, text) => receive(venue, client, text),
    pulse: (clients) => {
      notify(clients);
      for (const client of clients) {
        const isIdle = time.monotonicMs() - client.lastSentMs >= IDLE_MS;
        if (isIdle) client.close(NOTHING_SENT, 'No data received in 30s.');
      }
    },
    traded: (clients, product) => {
      const { last, symbol } = product;
      if (last === undefined) return;
      broadcast(clients, 'trades', symbol, () => tradeFrame(symbol, last));
      broadcast(clients, 'tickers', symbol, () => tickerFrame(product, last));
    },
    maintenanceChanged: (clients) => {
      const nowMs = time.nowMs();
      const frames = work.changed(market.maintenance, nowMs).map((told) => workFrame(told, nowMs));
      for (const client of clients) {
        if (client.subscriptions.has(STATUS)) for (const frame of frames) client.send(frame);
      }
      const { upcoming } = market.maintenance;
      noticeDueMs = upcoming === undefined ? Infinity : upcoming.startMs - NOTICE_MS;
      notify(clients);
    },
    rest: (url) => okxRest(market, url),
    replay: (frame) => replay(market, frame),
  };
}

function receive(venue: Venue, client: Client, text: string): void {
  if (text === 'ping') return client.send('pong');
  const request = readObject(text);
  const args: unknown = request?.['args'];
  const { op } = request ?? {};
  if (request === undefined || (op !== 'subscribe' && op !== 'unsubscribe') || !Array.isArray(args)) {
    return sendError(venue, client, { code: '60012', msg: `Invalid request: ${text}` });
  }
  if (args.length === 0) return sendError(venue, client, { code: '60013', msg: 'Invalid args' });
  for (const arg of args.map(asObject)) {
    if (arg === undefined) sendError(venue, client, { code: '60013', msg: 'Invalid args' });
    else if (op === 'subscribe') join(venue, client, arg, request);
    else leave(venue, client, arg, request);
  }
}

function join(venue: Venue, client: Client, arg: Fields, request: Fields): void {
  const { channel, instId } = arg;
  if (channel === STATUS) {
    joinChannel(client, STATUS);
    sendAnswer(venue, client, { event: 'subscribe', arg: { channel: STATUS } }, request);
    const latest = venue.latestWork();
    if (latest !== undefined) client.send(latest);
    return;
  }
  const product = typeof instId === 'string' ? venue.market.find(instId) : undefined;
  if (typeof channel !== 'string' || !SYMBOL_CHANNELS.includes(channel) || product === undefined) {
    const msg = `Wrong URL or channel:${String(channel)},instId:${String(instId)} doesn't exist. Please use the correct URL, channel and parameters referring to API document.`;
    return sendError(venue, client, { code: '60018', msg }, request);
  }
  const { symbol, last } = product;
  subscribe(client, channel, symbol);
  sendAnswer(venue, client, { event: 'subscribe', arg: { channel, instId: symbol } }, request);
  if (last !== undefined) client.send(channel === 'tickers' ? tickerFrame(product, last) : tradeFrame(symbol, last));
}

function leave(venue: Venue, client: Client, arg: Fields, request: Fields): void {
  const { channel, instId } = arg;
  if (channel === STATUS) leaveChannel(client, STATUS);
  else if (typeof channel === 'string' && typeof instId === 'string') unsubscribe(client, channel, instId);
  sendAnswer(venue, client, { event: 'unsubscribe', arg }, request);
}

function sendAnswer(venue: Venue, client: Client, answer: object, { id }: Fields): void {
  client.send(JSON.stringify({ ...(typeof id === 'string' && { id }), ...answer, connId: venue.idOf(client) }));
}

function sendError(venue: Venue, client: Client, error: object, request: Fields = {}): void {
  sendAnswer(venue, client, { event: 'error', ...error }, request);
}

function tickerFrame(product: Product, last: Quote): string {
  return JSON.stringify({ arg: { channel: 'tickers', instId: product.symbol }, data: [tickerRow(product, last)] });
}

function tradeFrame(symbol: string, last: Quote): string {
  const row = {
    instId: symbol,
    tradeId: String(last.tradeId),
    px: last.price,
    sz: last.size,
    side: last.side,
    ts: String(last.timeMs),
    count: '1',
  };
  return JSON.stringify({ arg: { channel: 'trades', instId: symbol }, data: [row] });
}

function workFrame({ title, state, startMs, endMs, stopsTrading }: Work, nowMs: number): string {
  const row = {
    begin: String(startMs),
    end: String(endMs),
    env: '1',
    href: '',
    maintType: '1',
    preOpenBegin: '',
    scheDesc: '',
    serviceType: stopsTrading ? '5' : '0',
    state,
    system: 'unified',
    title,
    ts: String(nowMs),
  };
  return JSON.stringify({ arg: { channel: STATUS }, data: [row] });
}

function replay(market: Market, frame: string): Route {
  const fields = readObject(frame);
  const arg = asObject(fields?.['arg']);
  // Answers belong to the client that was recorded.
  if (fields?.['event'] !== undefined && fields['event'] !== 'notice') return { to: 'nobody' };
  const symbol = arg?.['instId'];
  if (typeof symbol !== 'string') return { to: 'all' };
  const data: unknown[] = Array.isArray(fields?.['data']) ? fields['data'] : [];
  const { last, bidPx, askPx, lastSz, ts } = asObject(data[0]) ?? {};
  if (arg?.['channel'] === 'tickers' && typeof last === 'string' && last !== '') {
    market.remember(symbol, {
      price: last,
      bid: typeof bidPx === 'string' ? bidPx : last,
      ask: typeof askPx === 'string' ? askPx : last,
      size: typeof lastSz === 'string' ? lastSz : '0',
      side: 'buy',
      tradeId: (market.products.get(symbol)?.last?.tradeId ?? 0) + 1,
      sequence: 0,
      time: new Date(Number(ts) || 0).toISOString(),
    });
  }
  return { to: 'symbols', symbols: [symbol] };
}
