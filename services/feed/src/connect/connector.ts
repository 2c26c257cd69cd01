/**
 * One source of a feed: connects to a venue, keeps the wanted symbols subscribed, and tells every quote and every proof
 * that a quote still stands.
 *
 * Decisions are the state machine's (`machine.ts`), what is known of prices is in `source-quotes.ts`; this file carries
 * events in and effects out. It never awaits: a frame is dealt with before the next one is read.
 */
import type { Clock, Timer } from '@weir/clock';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { Venue, VenueEvent } from '@weir/venues';
import { createConnectBudget, type ConnectBudget } from './connect-budget.ts';
import { createConnectorMetrics, type ConnectorMetrics } from './connector-metrics.ts';
import { describeState, type ConnectorStatus } from './connector-status.ts';
import {
  createConnectorState,
  type ConnectorEvent,
  type ConnectorState,
  type Effect,
  type LinkEvent,
  type MachineSettings,
  signOf,
} from './machine-state.ts';
import { nextWakeMs, reduce } from './machine.ts';
import { logNotice } from './log-notice.ts';
import { createQuietLog } from './quiet-log.ts';
import { parseRetryAfter } from './reconnect-delay.ts';
import { openWebSocket, type OpenSocket, type Socket, type SocketFailure } from './socket.ts';
import { createSourceQuotes, type Arrival, type Market, type SourceQuote, type SourceQuotes } from './source-quotes.ts';
import { isMarketHalted, newlyHalted } from './venue-halt.ts';

export { createConnectBudget, type ConnectBudget } from './connect-budget.ts';
export type { ConnectorStatus } from './connector-status.ts';
export type { SourceQuote } from './source-quotes.ts';

export interface ConnectorOptions {
  readonly venue: Venue;
  readonly url: string;
  readonly symbols: readonly Market[];
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn'>;
  readonly telemetry: Pick<Telemetry, 'counter'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Called for every ticker and every proof of life, in the order of arrival. */
  readonly onQuote: (quote: SourceQuote) => void;
  /** Called when a market comes to a standstill: what was told of it no longer holds until it is told again. */
  readonly onHalted: (market: Market) => void;
  /** Called when the status differs from before. */
  readonly onStatus: (status: ConnectorStatus) => void;
  /** Shared by the connectors of a process, so that together they keep a venue's limits; absent: this one has its own. */
  readonly connectBudget?: ConnectBudget;
  readonly openSocket?: OpenSocket;
}

export interface Connector {
  start(): void;
  /** Resolves when the socket is gone. */
  stop(): Promise<void>;
  readonly status: ConnectorStatus;
}

export function createConnector(options: ConnectorOptions): Connector {
  return new RunningConnector(options);
}

/** How long a subscribed symbol may be without a proof before it is asked for again. */
const UNPROVEN_MS = 60_000;
const STATUS_DELAY_MS = 100;

class RunningConnector implements Connector {
  readonly #options: ConnectorOptions;
  readonly #settings: MachineSettings;
  readonly #budget: ConnectBudget;
  readonly #host: string;
  readonly #markets: ReadonlyMap<string, Market>;
  readonly #metrics: ConnectorMetrics;
  readonly #quotes: SourceQuotes;
  readonly #noteIgnored: (why: string) => void;
  readonly #noteError: (reason: string) => void;
  readonly #events: ConnectorEvent[] = [];
  #isReducing = false;
  #state: ConnectorState;
  #status: ConnectorStatus;
  #socket: Socket | undefined;
  #statusTimer: Timer | undefined;
  #wake: { readonly atMs: number; readonly timer: Timer } | undefined;

  constructor(options: ConnectorOptions) {
    const { venue, url, symbols, clock, logger, telemetry, onQuote } = options;
    this.#options = options;
    this.#settings = { timing: venue.timing, symbolsPerFrame: venue.limits.symbolsPerFrame };
    this.#budget = options.connectBudget ?? createConnectBudget(clock);
    this.#host = URL.parse(url)?.host ?? url;
    this.#markets = new Map(symbols.map((market) => [market.symbol, market]));
    this.#metrics = createConnectorMetrics(telemetry, venue.id);
    this.#state = createConnectorState([...this.#markets.keys()]);
    this.#status = { ...describeState(this.#state, this.#markets), sinceMs: clock.nowMs() };
    this.#quotes = createSourceQuotes({
      symbols: [...this.#markets.values()],
      proofOfLife: venue.proofOfLife,
      isSubscribed: (symbol) => this.#state.subscriptions.symbols.get(symbol)?.state === 'subscribed',
      isHalted: (symbol) => isMarketHalted(this.#state.halt, symbol),
      onQuote,
    });
    this.#noteIgnored = createQuietLog(clock, (count, why) => logger.info({ count, why }, 'frames ignored'));
    this.#noteError = createQuietLog(clock, (count, reason) => logger.warn({ count, reason }, 'venue complained'));
  }

  get status(): ConnectorStatus {
    return this.#status;
  }

  start(): void {
    this.#dispatch({ type: 'start' });
  }

  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#dispatch({ type: 'stop' });
    await socket?.closed;
  }

  /** Effects may cause events; those wait until the event at hand is done with. */
  #dispatch(event: ConnectorEvent): void {
    this.#events.push(event);
    if (this.#isReducing) return;
    this.#isReducing = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#reduce(next);
    } finally {
      this.#isReducing = false;
    }
  }

  #reduce(event: ConnectorEvent): void {
    const { clock, random } = this.#options;
    const before = this.#state;
    const moment = { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs(), chance: random() };
    const { state, effects } = reduce(before, event, moment, this.#settings);
    this.#state = state;
    if (state.failure !== before.failure && state.failure !== undefined) this.#metrics.lost(state.failure.reason);
    for (const effect of effects) this.#run(effect);
    for (const symbol of newlyHalted(before.halt, state.halt, this.#markets)) {
      const market = this.#markets.get(symbol);
      if (market !== undefined) this.#options.onHalted(market);
    }
    this.#noteStatus(before);
    // A frame only moves deadlines away, which the timer finds out when it fires.
    if (event.type !== 'frame') this.#arm();
  }

  #arm(): void {
    const atMs = nextWakeMs(this.#state, this.#settings);
    if (this.#wake !== undefined && (atMs === undefined || atMs < this.#wake.atMs)) {
      this.#wake.timer.cancel();
      this.#wake = undefined;
    }
    if (atMs === undefined || this.#wake !== undefined) return;
    const { clock } = this.#options;
    const timer = clock.setTimeout(
      () => {
        this.#wake = undefined;
        this.#dispatch({ type: 'tick' });
      },
      Math.max(0, Math.ceil(atMs - clock.monotonicMs())),
    );
    this.#wake = { atMs, timer };
  }

  #run(effect: Effect): void {
    const { venue } = this.#options;
    switch (effect.type) {
      case 'connect':
        this.#connect(effect.connection, effect.handshakeTimeoutMs);
        break;
      case 'terminate':
        this.#socket?.terminate();
        this.#socket = undefined;
        break;
      case 'subscribe':
        for (const frame of venue.subscribeFrames(effect.request.symbols, effect.request.id)) this.#socket?.send(frame);
        break;
      case 'ping':
        if (venue.pingFrame === undefined) this.#socket?.ping();
        else this.#socket?.send(venue.pingFrame(effect.requestId));
        break;
      case 'reconcile': {
        const sinceMs = this.#options.clock.monotonicMs() - UNPROVEN_MS;
        const unproven = this.#quotes.unprovenSince(sinceMs);
        this.#dispatch({ type: 'reconcile', unproven, connection: this.#state.connection });
        break;
      }
      case 'notice':
        logNotice(this.#options.logger, effect.notice);
    }
  }

  #connect(connection: number, handshakeTimeoutMs: number): void {
    const { venue, url, openSocket = openWebSocket } = this.#options;
    const waitMs = this.#budget.take(this.#host, venue.limits);
    if (waitMs > 0) {
      this.#dispatch({ type: 'deferred', waitMs });
      return;
    }
    this.#metrics.connects.add();
    const tell = (event: LinkEvent): void => this.#dispatch({ ...event, connection });
    const fail = (failure: SocketFailure): void => this.#fail(failure, tell);
    try {
      this.#socket = openSocket(url, handshakeTimeoutMs, {
        onOpen: () => tell({ type: 'opened' }),
        onFrame: (text) => this.#take(text, connection),
        onPong: () => tell({ type: 'frame', sign: 'other' }),
        onFail: fail,
        onClose: (message) => tell({ type: 'closed', message }),
      });
    } catch (error) {
      fail({ message: error instanceof Error ? error.message : String(error), isUnseen: true });
    }
  }

  #fail({ message, isUnseen, retryAfter }: SocketFailure, tell: (event: LinkEvent) => void): void {
    const { venue, clock } = this.#options;
    if (isUnseen) this.#budget.giveBack(this.#host, venue.limits);
    const retryAfterMs = retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, clock.nowMs());
    tell({ type: 'failed', message, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }

  #take(frame: string, connection: number): void {
    // A socket that was given up reports nothing; this keeps it so whatever a socket does.
    if (connection !== this.#state.connection) return;
    const { venue, clock } = this.#options;
    const arrival: Arrival = { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs(), connection };
    const events = venue.decode(frame);
    this.#dispatch({ type: 'frame', sign: signOf(events), connection });
    for (const event of events) this.#takeEvent(event, arrival);
    this.#quotes.alive(arrival);
  }

  #takeEvent(event: VenueEvent, arrival: Arrival): void {
    const { connection } = arrival;
    this.#metrics.event(event.kind);
    switch (event.kind) {
      case 'ticker':
        this.#count(this.#quotes.ticker(event, arrival));
        break;
      case 'quote':
        this.#count(this.#quotes.book(event, arrival));
        break;
      case 'heartbeat':
        this.#quotes.heartbeat(event, arrival);
        break;
      case 'subscribed':
        this.#dispatch({ type: 'subscribed', ack: event, connection });
        break;
      case 'rejected':
        this.#dispatch({ type: 'rejected', rejection: event, connection });
        break;
      case 'status':
        this.#dispatch({ type: 'status', status: event, connection });
        break;
      case 'error':
        this.#noteError(event.reason);
        break;
      case 'ignored':
        this.#noteIgnored(event.why);
        break;
      case 'trade':
      case 'past-trade':
      case 'pong':
    }
  }

  #count(verdict: ReturnType<SourceQuotes['ticker']>): void {
    if (verdict === 'older' || verdict === 'unasked') this.#metrics.dropped(verdict);
  }

  /** At once, save for single symbols: thousands of answers come in a row, and each status looks at every symbol. */
  #noteStatus(before: ConnectorState): void {
    const { phase, failure, halt, subscriptions } = this.#state;
    if (phase !== before.phase || failure !== before.failure || halt !== before.halt) this.#tellStatus();
    else if (subscriptions !== before.subscriptions) {
      this.#statusTimer ??= this.#options.clock.setTimeout(() => this.#tellStatus(), STATUS_DELAY_MS);
    }
  }

  #tellStatus(): void {
    this.#statusTimer?.cancel();
    this.#statusTimer = undefined;
    const words = describeState(this.#state, this.#markets);
    const { sinceMs, ...known } = this.#status;
    if (JSON.stringify(words) === JSON.stringify(known)) return;
    const isTransition = words.state !== known.state;
    this.#status = { ...words, sinceMs: isTransition ? this.#options.clock.nowMs() : sinceMs };
    const { logger, onStatus } = this.#options;
    const { state, reason, message } = words;
    if (isTransition) logger.info({ state, reason, message }, 'source changed');
    else logger.debug({ state, reason, message }, 'source says more');
    onStatus(this.#status);
  }
}
