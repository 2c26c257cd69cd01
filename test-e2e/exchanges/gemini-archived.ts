/** Gemini's archived market data, version 2: upper case only, no answer but the first book, a heartbeat every 5 s. */
import type { ConnectedClients } from './connected-clients.ts';
import type { Market, Product, Quote } from './market.ts';
import {
  asObject,
  broadcast,
  readObject,
  subscribe,
  textsOf,
  unsubscribe,
  type Client,
  type VenueTime,
} from './protocol.ts';

const CHANNEL = 'l2';
const HEARTBEAT_PULSES = 5;

export interface Archived {
  receive(client: Client, text: string): void;
  pulse(clients: Iterable<Client>): void;
  traded(clients: ConnectedClients, product: Product): void;
}

/** Both protocols are served on one port. */
export function isArchived({ path }: Client): boolean {
  return path.startsWith('/v2/marketdata');
}

export function createArchived(market: Market, time: VenueTime): Archived {
  let pulses = 0;
  return {
    receive: (client, text) => receive(market, client, text),
    pulse: (clients) => {
      pulses += 1;
      if (pulses % HEARTBEAT_PULSES !== 0) return;
      const heartbeat = JSON.stringify({ type: 'heartbeat', timestamp: Math.trunc(time.nowMs()) });
      for (const client of clients) if (isArchived(client)) client.send(heartbeat);
    },
    traded: (clients, { symbol, last }) => {
      if (last === undefined) return;
      broadcast(clients, CHANNEL, symbol, () => JSON.stringify(changesOf(symbol, last)));
      broadcast(clients, CHANNEL, symbol, () => JSON.stringify(tradeOf(symbol, last)));
    },
  };
}

/** Unknown symbols among known ones are left out without a word. */
function receive(market: Market, client: Client, text: string): void {
  const request = readObject(text);
  const wanted: unknown[] = Array.isArray(request?.['subscriptions']) ? request['subscriptions'] : [];
  const symbols = wanted
    .map(asObject)
    .flatMap((entry) => (entry?.['name'] === CHANNEL ? textsOf(entry['symbols']) : []));
  const products = symbols.flatMap((symbol) => {
    const product = symbol === symbol.toUpperCase() ? market.find(symbol.toLowerCase()) : undefined;
    return product === undefined ? [] : [product];
  });
  if (request?.['type'] === 'unsubscribe') {
    for (const { symbol } of products) unsubscribe(client, CHANNEL, symbol);
    return;
  }
  if (request?.['type'] !== 'subscribe' || products.length === 0) {
    return client.send(JSON.stringify({ reason: 'NoValidTradingPairs', result: 'error' }));
  }
  for (const { symbol, last } of products) {
    subscribe(client, CHANNEL, symbol);
    const trades = last === undefined ? [] : [tradeOf(symbol, last)];
    client.send(JSON.stringify({ ...changesOf(symbol, last), trades, auction_events: [] }));
  }
}

function changesOf(symbol: string, last: Quote | undefined): object {
  const changes =
    last === undefined
      ? []
      : [
          ['buy', last.bid, '51.55728'],
          ['sell', last.ask, '0.078285'],
        ];
  return { type: 'l2_updates', symbol: symbol.toUpperCase(), changes };
}

function tradeOf(symbol: string, last: Quote): object {
  return {
    type: 'trade',
    symbol: symbol.toUpperCase(),
    event_id: last.tradeId,
    timestamp: Math.trunc(last.timeMs),
    price: last.price,
    quantity: last.size,
    side: last.side,
  };
}
