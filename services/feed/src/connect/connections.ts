/** The open sockets of one source by number of their connection: one, or two while the first is about to end. */
import type { Clock } from '@weir/clock';
import { parseRetryAfter } from '@weir/upstream';
import type { Venue } from '@weir/venues';
import type { ConnectBudget } from './connect-budget.ts';
import type { LinkEvent } from './machine-state.ts';
import type { RelayEvent } from './relay.ts';
import type { OpenSocket, Socket, SocketFailure } from './socket.ts';
import type { SubscribeRequest } from './subscriptions.ts';

export interface ConnectionsOptions {
  readonly venue: Venue;
  readonly url: string;
  readonly clock: Clock;
  readonly budget: ConnectBudget;
  readonly openSocket: OpenSocket;
  readonly onAttempt: () => void;
  readonly onEvent: (event: RelayEvent) => void;
  readonly onFrame: (text: string, connection: number, waitedMs?: number) => void;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #host: string;
  readonly #sockets = new Map<number, Socket>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#host = URL.parse(options.url)?.host ?? options.url;
  }

  /** Ends as an event of the connection, whatever comes of it. */
  open(connection: number, handshakeTimeoutMs: number): void {
    const { venue, url, budget, openSocket, onAttempt, onEvent, onFrame } = this.#options;
    const waitMs = budget.take(this.#host, venue.limits);
    if (waitMs > 0) {
      onEvent({ type: 'deferred', waitMs, connection });
      return;
    }
    onAttempt();
    const tell = (event: LinkEvent): void => onEvent({ ...event, connection });
    const fail = (failure: SocketFailure): void => this.#fail(failure, tell);
    try {
      const socket = openSocket(url, handshakeTimeoutMs, {
        onOpen: () => tell({ type: 'opened' }),
        onFrame: (text, waitedMs) => onFrame(text, connection, waitedMs),
        onPong: () => tell({ type: 'frame', sign: 'other' }),
        onFail: fail,
        onClose: (message) => tell({ type: 'closed', message }),
      });
      this.#sockets.set(connection, socket);
    } catch (error) {
      fail({ message: error instanceof Error ? error.message : String(error), isUnseen: true });
    }
  }

  terminate(connection: number): void {
    this.#sockets.get(connection)?.terminate();
    this.#sockets.delete(connection);
  }

  subscribe(connection: number, { symbols, id }: SubscribeRequest): void {
    const { venue, clock } = this.#options;
    const socket = this.#sockets.get(connection);
    for (const frame of venue.subscribeFrames(symbols, id, clock.nowMs())) socket?.send(frame);
  }

  unsubscribe(connection: number, symbols: readonly string[], requestId: number): void {
    const { venue, clock } = this.#options;
    const socket = this.#sockets.get(connection);
    const { symbolsPerFrame } = venue.limits;
    for (let from = 0; from < symbols.length; from += symbolsPerFrame) {
      const some = symbols.slice(from, from + symbolsPerFrame);
      for (const frame of venue.unsubscribeFrames(some, requestId, clock.nowMs())) socket?.send(frame);
    }
  }

  ping(connection: number, requestId: number): void {
    const { venue, clock } = this.#options;
    const socket = this.#sockets.get(connection);
    if (venue.pingFrame === undefined) socket?.ping();
    else socket?.send(venue.pingFrame(requestId, clock.nowMs()));
  }

  /** Asks what is subscribed. */
  list(connection: number, requestId: number): void {
    const frame = this.#options.venue.listFrame?.(requestId);
    if (frame !== undefined) this.#sockets.get(connection)?.send(frame);
  }

  /** Of all that are open now. */
  async closed(): Promise<void> {
    await Promise.all([...this.#sockets.values()].map((socket) => socket.closed));
  }

  #fail({ message, isUnseen, retryAfter }: SocketFailure, tell: (event: LinkEvent) => void): void {
    const { venue, clock, budget } = this.#options;
    if (isUnseen) budget.giveBack(this.#host, venue.limits);
    const retryAfterMs = retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, clock.nowMs());
    tell({ type: 'failed', message, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }
}
