/** What a venue's protocol is to the server that carries it: texts in, texts out, no socket and no timer of its own. */
import type { ConnectedClients } from './connected-clients.ts';
import type { Market, Product } from './market.ts';

/** A connected client as its venue sees it. */
export interface Client {
  /** What it asked for when it connected, with the query: a venue may have more than one socket. */
  readonly path: string;
  /** Symbols by channel; changed by `subscribe`, `unsubscribe` and `leaveChannel` alone. */
  readonly subscriptions: Map<string, Set<string>>;
  readonly connected: ConnectedClients;
  /** Monotonic time of the last frame sent. */
  readonly lastSentMs: number;
  send(frame: string): void;
  close(code: number, reason: string): void;
  /** Ends the connection without a word, which clients call code 1006. */
  drop(): void;
}

export interface RestAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where a recorded frame goes: to the subscribers of symbols, to everybody, or nowhere (it belongs to the recorded client alone). */
export type Route =
  | { readonly to: 'symbols'; readonly symbols: readonly string[] }
  | { readonly to: 'all' }
  | { readonly to: 'nobody' };

export interface Protocol {
  /** Path of the WebSocket. */
  readonly wsPath: string;
  /** Prefix of the REST base address. */
  readonly restPath: string;
  connected(client: Client): void;
  receive(client: Client, text: string): void;
  /** Once a second. */
  pulse(clients: Iterable<Client>): void;
  /** A product has traded. */
  traded(clients: ConnectedClients, product: Product): void;
  /** The venue's own state has changed. */
  maintenanceChanged(clients: Iterable<Client>): void;
  rest(url: URL): RestAnswer;
  /** Decides where a recorded frame goes, and takes what it says into the market. */
  replay(frame: string): Route;
}

/** The venue's own clocks: a fault can put its wall time wrong. */
export interface VenueTime {
  /** Wall time, which frames carry. */
  nowMs(): number;
  monotonicMs(): number;
}

/** What a file of this folder says of the venue that it speaks for. */
export interface SimulatedVenue {
  readonly symbolOf: (asset: string, quote: string) => string;
  /** The quotes of its dollar markets: a pair in USD is listed in each of them, the first one is the main one. */
  readonly dollarQuotes: readonly DollarQuote[];
  /** A client that has sent nothing by then is closed; absent: it may stay. */
  readonly firstMessageMs?: number;
  readonly create: (market: Market, time: VenueTime) => Protocol;
}

export type DollarQuote = 'USD' | 'USDT';

/** Sends what `frame` makes, once for all and only if somebody has subscribed. */
export function broadcast(clients: ConnectedClients, channel: string, symbol: string, frame: () => string): void {
  const subscribers = clients.subscribersOf(channel, symbol);
  if (subscribers === undefined) return;
  const text = frame();
  for (const client of subscribers) client.send(text);
}

/** Adds to a channel; false when it was there already. */
export function subscribe(client: Client, channel: string, symbol: string): boolean {
  const symbols = client.subscriptions.get(channel) ?? new Set();
  client.subscriptions.set(channel, symbols);
  const isNew = !symbols.has(symbol);
  symbols.add(symbol);
  client.connected.joined(client, channel, symbol);
  return isNew;
}

/** Removes from a channel, and the channel with its last symbol. */
export function unsubscribe(client: Client, channel: string, symbol: string): boolean {
  const symbols = client.subscriptions.get(channel);
  const wasThere = symbols?.delete(symbol) ?? false;
  client.connected.left(client, channel, symbol);
  if (symbols?.size === 0) client.subscriptions.delete(channel);
  return wasThere;
}

/** A channel without symbols. */
export function joinChannel(client: Client, channel: string): void {
  client.subscriptions.set(channel, new Set());
}

export function leaveChannel(client: Client, channel: string): void {
  for (const symbol of client.subscriptions.get(channel) ?? []) client.connected.left(client, channel, symbol);
  client.subscriptions.delete(channel);
}

/** The fields of a JSON object; `undefined` for any other text. */
export function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  // A parsed JSON object has text keys and unknown values, which is what the type says.
  return value as Readonly<Record<string, unknown>>;
}

/** The texts of a list; other members are left out. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
