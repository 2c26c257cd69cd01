/** The clients of one venue, found by what they have subscribed: a trade must not look at every one of them. */
import type { Client } from './protocol.ts';

export class ConnectedClients implements Iterable<Client> {
  readonly #clients = new Set<Client>();
  /** By channel, then by symbol. */
  readonly #subscribers = new Map<string, Map<string, Set<Client>>>();

  get size(): number {
    return this.#clients.size;
  }

  [Symbol.iterator](): Iterator<Client> {
    return this.#clients[Symbol.iterator]();
  }

  add(client: Client): void {
    this.#clients.add(client);
  }

  delete(client: Client): void {
    this.#clients.delete(client);
    for (const [channel, symbols] of client.subscriptions) {
      for (const symbol of symbols) this.left(client, channel, symbol);
    }
  }

  /** To be told by whoever changes a client's subscriptions. */
  joined(client: Client, channel: string, symbol: string): void {
    const symbols = this.#subscribers.get(channel) ?? new Map<string, Set<Client>>();
    this.#subscribers.set(channel, symbols);
    const clients = symbols.get(symbol);
    if (clients === undefined) symbols.set(symbol, new Set([client]));
    else clients.add(client);
  }

  left(client: Client, channel: string, symbol: string): void {
    const clients = this.#subscribers.get(channel)?.get(symbol);
    if (clients?.delete(client) === true && clients.size === 0) this.#subscribers.get(channel)?.delete(symbol);
  }

  subscribersOf(channel: string, symbol: string): ReadonlySet<Client> | undefined {
    return this.#subscribers.get(channel)?.get(symbol);
  }

  /** In any channel. */
  *subscribersOfAny(symbol: string): Generator<Client> {
    const told = new Set<Client>();
    for (const symbols of this.#subscribers.values()) {
      for (const client of symbols.get(symbol) ?? []) {
        if (told.has(client)) continue;
        told.add(client);
        yield client;
      }
    }
  }
}
