/**
 * Venues that tell of their state and of announced work on a socket of its own: one connection per address, whoever in the
 * process follows it. It carries no price, so it is in no hurry: lost, it is tried again after seconds, then minutes, in
 * its turn of the connect budget, and no source is worse off meanwhile.
 */
import type { Clock, Timer } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import type { StatusEvent, StatusSocket, Venue } from '@weir/venues';
import type { ConnectBudget } from './connect-budget.ts';
import { openWebSocket, type OpenSocket, type Socket, type SocketFailure } from './socket.ts';
import { WorkReports } from './work-reports.ts';

export interface StatusFeeds {
  /** Tells what is known, then what comes. The answer ends it; the last one closes the connection. */
  follow(venue: Venue, url: string, onStatus: (status: StatusEvent) => void): () => void;
}

export interface StatusFeedsOptions {
  readonly clock: Clock;
  readonly budget: ConnectBudget;
  readonly logger: Pick<Logger, 'info'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly openSocket?: OpenSocket;
}

const HANDSHAKE_MS = 10_000;
/** The venue's own interval, where it names one. */
const PING_MS = 20_000;
/** Two pings without an answer, and some. */
const DEAD_MS = 50_000;
const RETRY_MS_MIN = 5_000;
const RETRY_MS_MAX = 300_000;

export function createStatusFeeds(options: StatusFeedsOptions): StatusFeeds {
  const feeds = new Map<string, StatusFeed>();
  return {
    follow({ id, statusSocket, ...venue }, url, onStatus) {
      const address = statusSocket?.urlOf(url);
      if (statusSocket === undefined || address === undefined) return () => undefined;
      const key = `${id} ${address}`;
      const feed = feeds.get(key) ?? new StatusFeed(options, { ...venue, id, statusSocket }, address);
      feeds.set(key, feed);
      feed.listeners.add(onStatus);
      for (const status of feed.current) onStatus(status);
      return () => {
        feed.listeners.delete(onStatus);
        if (feed.listeners.size > 0) return;
        feed.stop();
        feeds.delete(key);
      };
    },
  };
}

class StatusFeed {
  readonly listeners = new Set<(status: StatusEvent) => void>();
  readonly #options: StatusFeedsOptions;
  readonly #venue: Venue & { readonly statusSocket: StatusSocket };
  readonly #url: string;
  readonly #host: string;
  readonly #reports: WorkReports;
  #socket: Socket | undefined;
  /** For the next ping, or for the next attempt. */
  #timer: Timer | undefined;
  #lastFrameMs = 0;
  #failures = 0;
  #requestId = 0;

  constructor(options: StatusFeedsOptions, venue: Venue & { readonly statusSocket: StatusSocket }, url: string) {
    this.#options = options;
    this.#venue = venue;
    this.#url = url;
    this.#host = URL.parse(url)?.host ?? url;
    this.#reports = new WorkReports(options.clock, () => undefined);
    this.#wait(0);
  }

  get current(): readonly StatusEvent[] {
    return this.#reports.current;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#socket?.terminate();
    this.#reports.stop();
  }

  #wait(delayMs: number): void {
    this.#timer = this.#options.clock.setTimeout(() => this.#open(), delayMs);
  }

  #open(): void {
    const { budget, openSocket = openWebSocket } = this.#options;
    const waitMs = budget.take(this.#host, this.#venue.limits);
    if (waitMs > 0) return this.#wait(waitMs);
    try {
      this.#socket = openSocket(this.#url, HANDSHAKE_MS, {
        onOpen: () => this.#ask(),
        onFrame: (text) => this.#take(text),
        onPong: () => this.#hear(),
        onFail: (failure) => this.#fail(failure),
        onClose: (message) => this.#lose(message),
      });
    } catch (error) {
      this.#fail({ message: error instanceof Error ? error.message : String(error), isUnseen: true });
    }
  }

  #ask(): void {
    this.#hear();
    this.#requestId += 1;
    this.#socket?.send(this.#venue.statusSocket.subscribeFrame(this.#requestId));
    this.#watch();
  }

  #watch(): void {
    const { clock } = this.#options;
    this.#timer = clock.setTimeout(() => {
      if (clock.monotonicMs() - this.#lastFrameMs >= DEAD_MS) return this.#lose(`no frame for ${DEAD_MS} ms`);
      this.#requestId += 1;
      if (this.#venue.pingFrame === undefined) this.#socket?.ping();
      else this.#socket?.send(this.#venue.pingFrame(this.#requestId, clock.nowMs()));
      this.#watch();
    }, this.#venue.timing.pingEveryMs ?? PING_MS);
  }

  #hear(): void {
    this.#lastFrameMs = this.#options.clock.monotonicMs();
  }

  #take(text: string): void {
    this.#hear();
    for (const event of this.#venue.decode(text)) {
      if (event.kind === 'status') {
        this.#reports.take(event);
        for (const listener of this.listeners) listener(event);
      } else if (event.kind === 'subscribed') this.#succeed();
      else if (event.kind === 'rejected') return this.#lose(event.reason);
    }
  }

  #succeed(): void {
    if (this.#failures > 0) this.#options.logger.info({ venue: this.#venue.id }, 'venue tells of its status again');
    this.#failures = 0;
  }

  #fail({ message, isUnseen }: SocketFailure): void {
    if (isUnseen) this.#options.budget.giveBack(this.#host, this.#venue.limits);
    this.#lose(message);
  }

  #lose(reason: string): void {
    const { random, logger } = this.#options;
    this.#timer?.cancel();
    this.#socket?.terminate();
    this.#socket = undefined;
    if (this.#failures === 0) logger.info({ venue: this.#venue.id, reason }, 'status of a venue cannot be heard');
    const delayMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#wait(delayMs * (0.5 + random() / 2));
  }
}
