/**
 * One source of a feed: connects to a venue, keeps the wanted symbols subscribed, and tells every quote and every proof
 * that a quote still stands.
 *
 * Decisions are the state machines' (`machine.ts`, and `relay.ts` where one connection follows another), what is known of prices is in `source-quotes.ts`; this file carries
 * events in and effects out. It never awaits: a frame is dealt with before the next one is read.
 */
import type { Clock, Timer } from '@weir/clock';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { Venue, VenueEvent } from '@weir/venues';
import { createConnectBudget, type ConnectBudget } from './connect-budget.ts';
import { Connections } from './connections.ts';
import { createConnectorMetrics, type ConnectorMetrics } from './connector-metrics.ts';
import { describeState, type ConnectorStatus } from './connector-status.ts';
import {
  createRelayState,
  nextRelayWakeMs,
  reduceRelay,
  type RelayEffect,
  type RelayEvent,
  type RelayState,
} from './relay.ts';
import { logNotice } from './log-notice.ts';
import { signOf, type ConnectorState, type MachineSettings, type Notice } from './machine-state.ts';
import { createQuietLog } from './quiet-log.ts';
import { openWebSocket, type OpenSocket } from './socket.ts';
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

function isSubscribed({ subscriptions }: ConnectorState, symbol: string): boolean {
  return subscriptions.symbols.get(symbol)?.state === 'subscribed';
}

/** How long a subscribed symbol may be without a proof before it is asked for again. */
const UNPROVEN_MS = 60_000;
const STATUS_DELAY_MS = 100;

class RunningConnector implements Connector {
  readonly #options: ConnectorOptions;
  readonly #settings: MachineSettings;
  readonly #markets: ReadonlyMap<string, Market>;
  readonly #metrics: ConnectorMetrics;
  readonly #quotes: SourceQuotes;
  readonly #noteIgnored: (why: string) => void;
  readonly #noteError: (reason: string) => void;
  readonly #events: RelayEvent[] = [];
  readonly #connections: Connections;
  #isReducing = false;
  #state: RelayState;
  #status: ConnectorStatus;
  #statusTimer: Timer | undefined;
  #wake: { readonly atMs: number; readonly timer: Timer } | undefined;

  constructor(options: ConnectorOptions) {
    const { venue, url, symbols, clock, logger, telemetry, onQuote } = options;
    this.#options = options;
    const { timing, limits } = venue;
    this.#settings = { timing, symbolsPerFrame: limits.symbolsPerFrame, canList: 'listFrame' in venue };
    this.#markets = new Map(symbols.map((market) => [market.symbol, market]));
    this.#metrics = createConnectorMetrics(telemetry, venue.id);
    this.#connections = new Connections({
      venue,
      url,
      clock,
      budget: options.connectBudget ?? createConnectBudget(clock),
      openSocket: options.openSocket ?? openWebSocket,
      onAttempt: () => this.#metrics.connects.add(),
      onEvent: (event) => this.#dispatch(event),
      onFrame: (text, connection) => this.#take(text, connection),
    });
    this.#state = createRelayState([...this.#markets.keys()]);
    this.#status = { ...describeState(this.#state, this.#markets), sinceMs: clock.nowMs() };
    this.#quotes = createSourceQuotes({
      symbols: [...this.#markets.values()],
      proofOfLife: venue.proofOfLife,
      isSubscribed: (symbol) => isSubscribed(this.#state.main, symbol),
      isHalted: (symbol) => isMarketHalted(this.#state.main.halt, symbol),
      isOpen: (connection) =>
        connection === this.#state.main.connection || connection === this.#state.second?.machine.connection,
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
    const closed = this.#connections.closed();
    this.#dispatch({ type: 'stop' });
    await closed;
  }

  /** Effects may cause events; those wait until the event at hand is done with. */
  #dispatch(event: RelayEvent): void {
    this.#events.push(event);
    if (this.#isReducing) return;
    this.#isReducing = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#reduce(next);
    } finally {
      this.#isReducing = false;
    }
  }

  #reduce(event: RelayEvent): void {
    const { clock, random } = this.#options;
    const before = this.#state;
    const moment = { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs(), chance: random() };
    const { state, effects } = reduceRelay(before, event, moment, this.#settings);
    this.#state = state;
    const { failure, halt } = state.main;
    if (failure !== before.main.failure && failure !== undefined) this.#metrics.lost(failure.reason);
    for (const effect of effects) this.#run(effect);
    for (const symbol of newlyHalted(before.main.halt, halt, this.#markets)) {
      const market = this.#markets.get(symbol);
      if (market !== undefined) this.#options.onHalted(market);
    }
    this.#noteStatus(before);
    // A frame only moves deadlines away, which the timer finds out when it fires.
    if (event.type !== 'frame') this.#arm();
  }

  #arm(): void {
    const atMs = nextRelayWakeMs(this.#state, this.#settings);
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

  #run(effect: RelayEffect): void {
    const { connection } = effect;
    switch (effect.type) {
      case 'connect':
        this.#connections.open(connection, effect.handshakeTimeoutMs);
        break;
      case 'terminate':
        this.#connections.terminate(connection);
        break;
      case 'subscribe':
        this.#connections.subscribe(connection, effect.request);
        break;
      case 'ping':
      case 'list':
        this.#connections[effect.type](connection, effect.requestId);
        break;
      case 'reconcile': {
        const unproven = this.#quotes.unprovenSince(this.#options.clock.monotonicMs() - UNPROVEN_MS);
        this.#dispatch({ type: 'reconcile', unproven, connection });
        break;
      }
      case 'notice':
        this.#tell(effect.notice);
    }
  }

  #tell(notice: Notice): void {
    if (notice.kind === 'handed-over') this.#metrics.drained('handed-over');
    if (notice.kind === 'drain-given-up') this.#metrics.drained('given-up');
    logNotice(this.#options.logger, notice);
  }

  #take(frame: string, connection: number): void {
    // A socket that was given up reports nothing; this keeps it so whatever a socket does.
    const isSecond = connection === this.#state.second?.machine.connection;
    if (!isSecond && connection !== this.#state.main.connection) return;
    const { venue, clock } = this.#options;
    const arrival: Arrival = { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs(), connection, isSecond };
    const events = venue.decode(frame);
    this.#dispatch({ type: 'frame', sign: signOf(events), connection });
    for (const event of events) this.#takeEvent(event, arrival);
    if (!isSecond) this.#quotes.alive(arrival);
    else if (this.#isCovered(connection)) this.#dispatch({ type: 'covered', connection });
  }

  /** The second connection has everything that the first one has. */
  #isCovered(connection: number): boolean {
    const machine = this.#state.second?.machine;
    if (machine?.connection !== connection || machine.phase !== 'live') return false;
    return this.#quotes.covers(connection, (symbol) => isSubscribed(machine, symbol));
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
      case 'drain':
        this.#dispatch({ type: 'drain', reason: event.reason, connection });
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
    if (verdict === 'older' || verdict === 'unasked' || verdict === 'duplicate') this.#metrics.dropped(verdict);
  }

  /** At once, save for single symbols: thousands of answers come in a row, and each status looks at every symbol. */
  #noteStatus({ main: before, second }: RelayState): void {
    const { phase, failure, halt, subscriptions } = this.#state.main;
    const isOther = phase !== before.phase || failure !== before.failure || halt !== before.halt;
    if (isOther || (second === undefined) !== (this.#state.second === undefined)) this.#tellStatus();
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
