/** What a venue's protocol is to the server that carries it: texts in, texts out, no socket and no timer of its own. */
import type { Product } from './market.ts';

/** A connected client as its venue sees it. */
export interface Client {
  /** Symbols by channel. */
  readonly subscriptions: Map<string, Set<string>>;
  /** Monotonic time of the last frame sent. */
  readonly lastSentMs: number;
  send(frame: string): void;
  close(code: number, reason: string): void;
}

export interface RestAnswer {
  readonly status: number;
  readonly body: string;
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
  traded(clients: Iterable<Client>, product: Product): void;
  /** The venue's own state has changed. */
  maintenanceChanged(clients: Iterable<Client>): void;
  rest(url: URL): RestAnswer;
  /** Decides where a recorded frame goes, and takes what it says into the market. */
  replay(frame: string): Route;
}

export function subscribersOf(clients: Iterable<Client>, channel: string, symbol: string): Client[] {
  return [...clients].filter((client) => client.subscriptions.get(channel)?.has(symbol));
}

/** Adds to a channel; false when it was there already. */
export function subscribe(client: Client, channel: string, symbol: string): boolean {
  const symbols = client.subscriptions.get(channel) ?? new Set();
  client.subscriptions.set(channel, symbols);
  const isNew = !symbols.has(symbol);
  symbols.add(symbol);
  return isNew;
}

/** Removes from a channel, and the channel with its last symbol. */
export function unsubscribe(client: Client, channel: string, symbol: string): boolean {
  const symbols = client.subscriptions.get(channel);
  const wasThere = symbols?.delete(symbol) ?? false;
  if (symbols?.size === 0) client.subscriptions.delete(channel);
  return wasThere;
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
