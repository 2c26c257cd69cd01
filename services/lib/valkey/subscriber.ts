/** Subscriptions over one connection: renewed after every loss, each told when messages may have been missed. */
import type { Logger } from '@weir/telemetry';

import { Connection, type ConnectionOptions } from './connection.ts';
import { classifyError } from './reply-errors.ts';

export interface SubscriptionHandlers {
  message(channel: string, text: string): void;
  /** Subscribed, for the first time or again: messages before this moment may have been lost. */
  up?(): void;
  /** The connection is gone: nothing arrives until the next `up`. */
  down?(): void;
}

export interface Subscription {
  close(): Promise<void>;
}

interface Entry {
  readonly channels: readonly string[];
  readonly on: SubscriptionHandlers;
  isUp: boolean;
}

const REFUSED = 'Valkey refused a subscription: check the channels of the ACL user';

type SubscriberOptions = Omit<ConnectionOptions, 'onDown' | 'purpose'>;

/** A handler that throws must not keep the others from theirs. */
function guarded(logger: Logger, run: () => void): void {
  try {
    run();
  } catch (err) {
    logger.error({ err }, 'a handler of a Valkey subscription failed');
  }
}

export class Subscriber {
  readonly #logger: Logger;
  readonly #connection: Connection;
  readonly #entries = new Set<Entry>();
  readonly #byChannel = new Map<string, Set<Entry>>();

  constructor(options: SubscriberOptions) {
    this.#logger = options.logger;
    this.#connection = new Connection({
      ...options,
      purpose: 'subscribe',
      onUp: (info) => {
        this.#confirm([...this.#byChannel.keys()], [...this.#entries]);
        options.onUp(info);
      },
      onDown: () => this.#lower(),
    });
    this.#connection.onMessage((channel, text) => {
      const listening = this.#byChannel.get(channel) ?? [];
      for (const entry of listening) guarded(this.#logger, () => entry.on.message(channel, text));
    });
  }

  subscribe(channels: readonly string[], on: SubscriptionHandlers): Subscription {
    const entry: Entry = { channels, on, isUp: false };
    this.#entries.add(entry);
    for (const channel of channels) {
      const listening = this.#byChannel.get(channel) ?? new Set();
      this.#byChannel.set(channel, listening.add(entry));
    }
    if (this.#connection.isUp) this.#confirm([...channels], [entry]);
    return { close: () => this.#remove(entry) };
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** A loss while the server confirms rejects, and the next connection starts over. */
  #confirm(channels: string[], entries: readonly Entry[]): void {
    if (channels.length === 0) return;
    // In lower case: ioredis keeps its own books of subscriptions by this name.
    this.#connection.send('subscribe', channels).then(
      () => {
        for (const entry of entries) this.#raise(entry);
      },
      (err: unknown) => {
        if (this.#connection.isUp) this.#logger.error({ err: classifyError(err).error, channels }, REFUSED);
      },
    );
  }

  #raise(entry: Entry): void {
    if (entry.isUp || !this.#entries.has(entry)) return;
    entry.isUp = true;
    guarded(this.#logger, () => entry.on.up?.());
  }

  #lower(): void {
    for (const entry of this.#entries) {
      if (!entry.isUp) continue;
      entry.isUp = false;
      guarded(this.#logger, () => entry.on.down?.());
    }
  }

  async #remove(entry: Entry): Promise<void> {
    if (!this.#entries.delete(entry)) return;
    const left: string[] = [];
    for (const channel of entry.channels) {
      const listening = this.#byChannel.get(channel);
      listening?.delete(entry);
      if (listening?.size === 0 && this.#byChannel.delete(channel)) left.push(channel);
    }
    // When the connection is gone the server has forgotten them by itself.
    if (left.length > 0 && this.#connection.isUp) await this.#connection.send('unsubscribe', left).catch(() => {});
  }
}
