/** Kraken's socket, version 2: status on connect, an ack or error per symbol, prices as JSON numbers with their trailing zeros. */
import { krakenRest } from './kraken-rest.ts';
import { krakenSymbol, modernSymbol } from './kraken-names.ts';
import { venueTime, type Market, type Product, type Quote } from './market.ts';
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

const SYMBOL_CHANNELS = ['ticker', 'trade'];
const IDLE_MS = 1_000;

export const kraken: SimulatedVenue = { symbolOf: krakenSymbol, dollarQuotes: ['USD'], create: createKraken };

function createKraken(market: Market, time: VenueTime): Protocol {
  let connections = 0n;
  const status = (): string => statusFrame(market, time.nowMs(), connections);
  return {
    wsPath: '/v2',
    restPath: '',
    connected: (client) => {
      connections += 1n;
      client.send(status());
    },
    receive: (client, text) => receive(market, client, text, time),
    pulse: (clients) => {
      for (const client of clients) {
        // Only when nothing else was sent for about a second, and only to who has subscribed to something.
        const isIdle = time.monotonicMs() - client.lastSentMs >= IDLE_MS * 0.9;
        if (isIdle && client.subscriptions.size > 0) client.send('{"channel":"heartbeat"}');
      }
    },
    traded: (clients, product) => {
      const { last, symbol } = product;
      if (last === undefined) return;
      broadcast(clients, 'trade', symbol, () => tradeFrame('update', symbol, last));
      broadcast(clients, 'ticker', symbol, () => tickerFrame('update', product, last));
    },
    maintenanceChanged: (clients) => {
      for (const client of clients) client.send(status());
    },
    rest: (url) => krakenRest(market, url, time.nowMs()),
    replay: (frame) => replay(market, frame),
  };
}

/** The members that every answer to a request carries, as JSON without braces. */
interface Reply {
  readonly method: string;
  readonly times: string;
  /** `,"req_id":1`, or empty. */
  readonly requestId: string;
}

function receive(market: Market, client: Client, text: string, time: VenueTime): void {
  const request = readObject(text);
  const now = venueTime(time.nowMs());
  const times = `"time_in":"${now}","time_out":"${now}"`;
  const method = request?.['method'];
  const id = request?.['req_id'];
  const requestId = typeof id === 'number' ? `,"req_id":${id}` : '';
  if (typeof method !== 'string') {
    return client.send(`{"error":"Malformed request","success":false,${times}${requestId}}`);
  }
  const reply: Reply = { method, times, requestId };
  if (method === 'ping') return client.send(`{"method":"pong"${requestId},"success":true,${times}}`);
  const params = asObject(request?.['params']) ?? {};
  const channel = String(params['channel']);
  if (method !== 'subscribe' && method !== 'unsubscribe') return refuse(client, reply, 'Unsupported method');
  if (!SYMBOL_CHANNELS.includes(channel)) return refuse(client, reply, `Unsupported channel ${channel}`);
  const symbols = textsOf(params['symbol']);
  if (symbols.length === 0) return refuse(client, reply, 'Symbol(s) required');
  for (const symbol of symbols) {
    if (method === 'subscribe') join(market, client, { symbol, channel, params, reply });
    else leave(client, channel, symbol, reply);
  }
}

interface Wish {
  readonly symbol: string;
  readonly channel: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly reply: Reply;
}

function join(market: Market, client: Client, { symbol, channel, params, reply }: Wish): void {
  const product = market.find(symbol);
  if (product === undefined) return refuse(client, reply, `Currency pair not supported ${symbol}`, symbol);
  if (!subscribe(client, channel, symbol)) return refuse(client, reply, 'Already subscribed', symbol);
  const wantsSnapshot = params['snapshot'] !== false;
  const trigger = params['event_trigger'] === 'bbo' ? 'bbo' : 'trades';
  const result = {
    channel,
    ...(channel === 'ticker' && { event_trigger: trigger }),
    snapshot: wantsSnapshot,
    symbol,
  };
  const { method, times, requestId } = reply;
  client.send(`{"method":"${method}","result":${JSON.stringify(result)},"success":true,${times}${requestId}}`);
  if (!wantsSnapshot || product.last === undefined) return;
  const isTicker = channel === 'ticker';
  client.send(isTicker ? tickerFrame('snapshot', product, product.last) : tradeFrame('snapshot', symbol, product.last));
}

function leave(client: Client, channel: string, symbol: string, reply: Reply): void {
  if (!unsubscribe(client, channel, symbol)) return refuse(client, reply, 'Subscription Not Found', symbol);
  const { method, times, requestId } = reply;
  const result = JSON.stringify({ channel, symbol });
  client.send(`{"method":"${method}","result":${result},"success":true,${times}${requestId}}`);
}

function refuse(client: Client, { method, times, requestId }: Reply, error: string, symbol?: string): void {
  const of = symbol === undefined ? '' : `,"symbol":${JSON.stringify(symbol)}`;
  client.send(
    `{"method":${JSON.stringify(method)},"success":false,"error":${JSON.stringify(error)}${of},${times}${requestId}}`,
  );
}

/** Written by hand: JSON.stringify would drop the trailing zeros of 0.13110. */
function tickerFrame(type: 'snapshot' | 'update', { symbol, open }: Product, last: Quote): string {
  return (
    `{"channel":"ticker","type":"${type}","data":[{"symbol":"${symbol}","bid":${last.bid},"bid_qty":329.06250000,` +
    `"ask":${last.ask},"ask_qty":1771.75027615,"last":${last.price},"volume":9095630.20903971,"vwap":${open},` +
    `"low":${open},"high":${open},"change":0.00654,"change_pct":5.25,"trades":4606,"timestamp":"${last.time}"}]}`
  );
}

function tradeFrame(type: 'snapshot' | 'update', symbol: string, last: Quote): string {
  return (
    `{"channel":"trade","type":"${type}","data":[{"symbol":"${symbol}","side":"${last.side}","price":${last.price},` +
    `"qty":${last.size},"ord_type":"limit","trade_id":${last.tradeId},"timestamp":"${last.time}"}]}`
  );
}

/** Above 2^53, as the venue's own ids are. */
const FIRST_CONNECTION = 3_364_750_901_719_990_046n;

function statusFrame(market: Market, nowMs: number, connections: bigint): string {
  const { system, upcoming } = market.maintenance;
  const announced = upcoming && {
    affected_services: ['spot_trading', 'spot_ws'],
    expected_start_utc: venueTime(upcoming.startMs),
    expected_end_utc: venueTime(upcoming.endMs),
    phase: nowMs < upcoming.startMs ? 'announced' : 'in_progress',
    recommended_action: 'continue',
    time_to_start_s: Math.max(0, Math.round((upcoming.startMs - nowMs) / 1000)),
    title: upcoming.title,
  };
  return (
    `{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"${system}","api_version":"v2",` +
    `"connection_id":${FIRST_CONNECTION + connections},` +
    `"upcoming_maintenance":${JSON.stringify(announced === undefined ? [] : [announced])},"emergency":[]}]}`
  );
}

function replay(market: Market, frame: string): Route {
  const fields = readObject(frame);
  if (fields === undefined) return routeOfVersionOne(frame);
  if (fields['method'] !== undefined) return { to: 'nobody' };
  const data: unknown[] = Array.isArray(fields['data']) ? fields['data'] : [];
  const rows = data.map(asObject).filter((row) => row !== undefined);
  const symbols = rows.map((row) => row['symbol']).filter((symbol) => typeof symbol === 'string');
  if (symbols.length === 0) return { to: 'all' };
  // Numbers are taken from the text: parsing them would lose trailing zeros.
  const [first = ''] = symbols;
  const number = (name: string): string | undefined => new RegExp(`"${name}":\\s*(\\d+(?:\\.\\d+)?)`).exec(frame)?.[1];
  const price = number('last');
  const product = market.products.get(first);
  if (fields['channel'] === 'ticker' && rows.length === 1 && price !== undefined) {
    market.remember(first, {
      price,
      bid: number('bid') ?? price,
      ask: number('ask') ?? price,
      size: number('bid_qty') ?? '0',
      side: 'buy',
      tradeId: (product?.last?.tradeId ?? 0) + 1,
      sequence: 0,
      time: String(rows[0]?.['timestamp']),
    });
  }
  return { to: 'symbols', symbols };
}

/** Version 1 sends arrays that end with the pair: `[1665,[...],"trade","XBT/USD"]`. */
function routeOfVersionOne(frame: string): Route {
  const pair = /"([A-Z0-9.]+\/[A-Z0-9.]+)"\]$/.exec(frame.trim())?.[1];
  return pair === undefined ? { to: 'all' } : { to: 'symbols', symbols: [modernSymbol(pair)] };
}
