/** The Coinbase Exchange feed: cumulative acks, per-product errors, ticker on every match, a heartbeat per product and second. */
import { coinbaseRest, productBody, shortProductBody } from './coinbase-rest.ts';
import { venueTime, type Market, type Product, type Quote } from './market.ts';
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

const PRODUCT_CHANNELS = ['ticker', 'heartbeat', 'matches'];
const PRIVATE_CHANNELS = ['level2', 'level3', 'full'];
/** The status channel repeats itself; the interval is not published. */
const STATUS_PULSES = 5;
/** The venue has some hundreds of products; a frame with every field of ten thousand would be too long for any client. */
const PRODUCTS_IN_FULL = 1_000;

export const coinbase: SimulatedVenue = {
  symbolOf: (asset, quote) => `${asset}-${quote}`,
  dollarQuotes: ['USD'],
  // Documented: a client that has not subscribed within five seconds is disconnected.
  firstMessageMs: 5_000,
  create: createCoinbase,
};

function createCoinbase(market: Market, time: VenueTime): Protocol {
  let pulses = 0;
  const publishStatus = (clients: Iterable<Client>): void => {
    const frame = statusFrame(market);
    for (const client of clients) if (client.subscriptions.has('status')) client.send(frame);
  };
  return {
    wsPath: '/',
    restPath: '',
    connected: () => undefined,
    receive: (client, text) => receive(market, client, text),
    pulse: (clients) => {
      const now = venueTime(time.nowMs());
      for (const client of clients) {
        for (const symbol of client.subscriptions.get('heartbeat') ?? []) {
          const product = market.products.get(symbol);
          if (product !== undefined) client.send(heartbeatFrame(product, now));
        }
      }
      pulses += 1;
      if (pulses % STATUS_PULSES === 0) publishStatus(clients);
    },
    traded: (clients, product) => {
      const { last, symbol } = product;
      if (last === undefined) return;
      broadcast(clients, 'matches', symbol, () => matchFrame('match', symbol, last));
      broadcast(clients, 'ticker', symbol, () => tickerFrame(product, last));
    },
    maintenanceChanged: publishStatus,
    rest: (url) => coinbaseRest(market, url),
    replay: (frame) => replay(market, frame),
  };
}

function receive(market: Market, client: Client, text: string): void {
  const request = readObject(text);
  if (request === undefined) return sendError(client, 'Malformed JSON');
  const { type } = request;
  if (type !== 'subscribe' && type !== 'unsubscribe') {
    return sendError(client, 'Failed to subscribe', `${String(type)} is not a valid type`);
  }
  const wanted = readChannels(request);
  if (wanted.length === 0) return sendError(client, 'Failed to subscribe', 'channels is required');
  const snapshots: string[] = [];
  for (const { name, symbols } of wanted) {
    if (type === 'unsubscribe') leave(client, name, symbols);
    else snapshots.push(...join(market, client, name, symbols));
  }
  client.send(subscriptionsFrame(client));
  for (const frame of snapshots) client.send(frame);
}

interface WantedChannel {
  readonly name: string;
  readonly symbols: readonly string[];
}

/** A channel is a name, which takes the frame's product_ids, or an object with its own. */
function readChannels(request: Readonly<Record<string, unknown>>): WantedChannel[] {
  const common = textsOf(request['product_ids']);
  const channels: unknown[] = Array.isArray(request['channels']) ? request['channels'] : [];
  return channels.flatMap((channel) => {
    if (typeof channel === 'string') return [{ name: channel, symbols: common }];
    const fields = asObject(channel);
    const name = fields?.['name'];
    if (typeof name !== 'string') return [];
    return [{ name, symbols: [...common, ...textsOf(fields?.['product_ids'])] }];
  });
}

/** Subscribes to what is valid, answers an error for the rest; the snapshots go out after the ack. */
function join(market: Market, client: Client, name: string, symbols: readonly string[]): string[] {
  if (name === 'status') {
    const isNew = !client.subscriptions.has('status');
    joinChannel(client, 'status');
    return isNew ? [statusFrame(market)] : [];
  }
  if (!PRODUCT_CHANNELS.includes(name)) {
    const isPrivate = PRIVATE_CHANNELS.includes(name);
    const reason = isPrivate
      ? 'level2, level3, and full channels now require authentication.'
      : `${name} is not a valid channel`;
    sendError(client, 'Failed to subscribe', reason);
    return [];
  }
  if (symbols.length === 0) {
    sendError(client, 'Failed to subscribe', `You need to specify at least one product ID for channel ${name}`);
  }
  const snapshots: string[] = [];
  for (const symbol of symbols) {
    const product = market.find(symbol);
    if (product === undefined) {
      sendError(client, 'Failed to subscribe', `${symbol} is not a valid product`);
      continue;
    }
    if (!subscribe(client, name, symbol) || product.last === undefined) continue;
    if (name === 'ticker') snapshots.push(tickerFrame(product, product.last));
    if (name === 'matches') snapshots.push(matchFrame('last_match', symbol, product.last));
  }
  return snapshots;
}

function leave(client: Client, name: string, symbols: readonly string[]): void {
  if (symbols.length === 0) leaveChannel(client, name);
  for (const symbol of symbols) unsubscribe(client, name, symbol);
}

function replay(market: Market, frame: string): Route {
  const fields = readObject(frame);
  const symbol = fields?.['product_id'];
  if (fields?.['type'] === 'subscriptions') return { to: 'nobody' };
  if (typeof symbol !== 'string') return { to: 'all' };
  const {
    price,
    best_bid: bid,
    best_ask: ask,
    trade_id: tradeId,
    sequence,
    time,
    side,
    last_size: size,
  } = fields ?? {};
  if (fields?.['type'] === 'ticker' && typeof price === 'string' && typeof time === 'string') {
    market.remember(symbol, {
      price,
      bid: typeof bid === 'string' ? bid : price,
      ask: typeof ask === 'string' ? ask : price,
      size: typeof size === 'string' ? size : '0',
      side: side === 'sell' ? 'sell' : 'buy',
      tradeId: Number(tradeId),
      sequence: Number(sequence),
      time,
    });
  }
  return { to: 'symbols', symbols: [symbol] };
}

function sendError(client: Client, message: string, reason?: string): void {
  client.send(JSON.stringify({ type: 'error', message, ...(reason !== undefined && { reason }) }));
}

function subscriptionsFrame(client: Client): string {
  const channels = [...client.subscriptions].map(([name, symbols]) => ({
    name,
    product_ids: [...symbols],
    account_ids: null,
  }));
  return JSON.stringify({ type: 'subscriptions', channels });
}

function tickerFrame(product: Product, last: Quote): string {
  return JSON.stringify({
    type: 'ticker',
    sequence: last.sequence,
    product_id: product.symbol,
    price: last.price,
    open_24h: product.open,
    volume_24h: '1836.96781750',
    low_24h: product.open,
    high_24h: product.open,
    volume_30d: '175984.53012145',
    best_bid: last.bid,
    best_bid_size: '0.19921154',
    best_ask: last.ask,
    best_ask_size: '0.05223077',
    side: last.side,
    time: last.time,
    trade_id: last.tradeId,
    last_size: last.size,
  });
}

function matchFrame(type: 'match' | 'last_match', symbol: string, last: Quote): string {
  const order = (part: string): string => `${part}-0000-4000-8000-${last.tradeId.toString(16).padStart(12, '0')}`;
  return JSON.stringify({
    type,
    trade_id: last.tradeId,
    maker_order_id: order('4c2a0000'),
    taker_order_id: order('247a0000'),
    // A match names the maker's side, a ticker the taker's.
    side: last.side === 'buy' ? 'sell' : 'buy',
    size: last.size,
    price: last.price,
    product_id: symbol,
    sequence: last.sequence,
    time: last.time,
  });
}

function heartbeatFrame(product: Product, time: string): string {
  const { sequence = 0, tradeId = 0 } = product.last ?? {};
  return JSON.stringify({
    type: 'heartbeat',
    sequence,
    last_trade_id: tradeId,
    product_id: product.symbol,
    time,
  });
}

function statusFrame(market: Market): string {
  const isLong = market.products.size > PRODUCTS_IN_FULL;
  const body = isLong ? shortProductBody : productBody;
  const products = [...market.products.values()].map((product) => body(market, product));
  return JSON.stringify({ type: 'status', products, currencies: [] });
}
