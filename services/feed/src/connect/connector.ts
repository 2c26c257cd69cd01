/**
 * One source of a feed: connects to a venue, keeps the wanted symbols subscribed, and tells every quote and every proof
 * that a quote still stands.
 *
 * Decisions are the state machines' (`machine.ts`, and `relay.ts` where one connection follows another), what is known of
 * prices is in `source-quotes.ts`; this file carries events in and effects out. It never awaits: a frame is dealt with
 * before the next one is read.
 */
import type { Timer } from '@weir/clock';
import type { StatusEvent, VenueEvent } from '@weir/venues';
import { createAlarm, type Alarm } from './alarm.ts';
import { createConnectBudget, type ConnectBudget } from './connect-budget.ts';
import { Connections } from './connections.ts';
import { createConnectorMetrics, type ConnectorMetrics } from './connector-metrics.ts';
import type { Connector, ConnectorOptions } from './connector-options.ts';
import { describeState, saysOther, type ConnectorStatus } from './connector-status.ts';
import { createFrameGuard } from './frame-guard.ts';
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
import { RenewalPace } from './renewal-pace.ts';
import { openWebSocket } from './socket.ts';
import { createSourceQuotes, type Arrival, type Market, type SourceQuotes } from './source-quotes.ts';
import { createStatusFeeds } from './status-feeds.ts';
import { createStatusTeller, type StatusTeller } from './tell-status.ts';
import { isMarketHalted, newlyHalted } from './venue-halt.ts';
import { WorkReports } from './work-reports.ts';

export { createConnectBudget, type ConnectBudget } from './connect-budget.ts';
export { createStatusFeeds, type StatusFeeds } from './status-feeds.ts';
export type { Connector, ConnectorOptions } from './connector-options.ts';
export type { ConnectorStatus } from './connector-status.ts';
export type { SourceQuote } from './source-quotes.ts';

export function createConnector(options: ConnectorOptions): Connector {
  return new RunningConnector(options);
}

function isSubscribed({ subscriptions }: ConnectorState, symbol: string): boolean {
  return subscriptions.symbols.get(symbol)?.state === 'subscribed';
}

/** A frozen connection is found out within so much of its time; each look goes through all of its markets. */
const SURVEY_MS = 2_500;
/** How long a subscribed symbol may be without a proof before it is asked for again. */
const UNPROVEN_MS = 60_000;

class RunningConnector implements Connector {
  readonly #options: ConnectorOptions;
  readonly #settings: MachineSettings;
  #markets: ReadonlyMap<string, Market>;
  readonly #metrics: ConnectorMetrics;
  readonly #quotes: SourceQuotes;
  readonly #noteIgnored: (why: string) => void;
  readonly #noteError: (reason: string) => void;
  readonly #events: RelayEvent[] = [];
  readonly #connections: Connections;
  readonly #alarm: Alarm;
  readonly #teller: StatusTeller;
  readonly #budget: ConnectBudget;
  readonly #works: WorkReports;
  readonly #renewals = new RenewalPace();
  #unfollow = (): void => undefined;
  #surveys: Timer | undefined;
  #isReducing = false;
  #state: RelayState;

  constructor(options: ConnectorOptions) {
    const { venue, url, symbols, clock, logger, telemetry, onQuote } = options;
    this.#options = options;
    const { timing, limits } = venue;
    this.#settings = { timing, ...limits, canList: 'listFrame' in venue };
    this.#markets = new Map(symbols.map((market) => [market.symbol, market]));
    this.#metrics = createConnectorMetrics(telemetry, venue.id);
    this.#budget = options.connectBudget ?? createConnectBudget(clock);
    this.#works = new WorkReports(clock, (status) => this.#takeStatus(status));
    const guard = createFrameGuard({ clock, logger, onFault: () => this.#metrics.framesFailed.add() });
    this.#connections = new Connections({
      venue,
      url,
      clock,
      budget: this.#budget,
      openSocket: options.openSocket ?? openWebSocket,
      onAttempt: () => this.#metrics.connects.add(),
      onEvent: (event) => this.#dispatch(event),
      onFrame: (...frame) => guard(() => this.#take(...frame)),
    });
    this.#alarm = createAlarm(clock, () => this.#dispatch({ type: 'tick' }));
    this.#state = createRelayState([...this.#markets.keys()]);
    const describe = (): Omit<ConnectorStatus, 'sinceMs'> => describeState(this.#state, this.#markets);
    this.#teller = createStatusTeller({ clock, logger, describe, onStatus: options.onStatus });
    this.#quotes = createSourceQuotes({
      symbols: [...this.#markets.values()],
      proofOfLife: venue.proofOfLife,
      isSubscribed: (symbol) => isSubscribed(this.#state.main, symbol),
      isHalted: (symbol) => isMarketHalted(this.#state.main.halt, symbol),
      isOpen: (connection) =>
        connection === this.#state.main.connection || connection === this.#state.second?.machine.connection,
      onQuote,
      onVenueTime: (venueTimeMs, { wallMs, monotonicMs }, isAhead) => {
        options.clockSkews?.note(venue.id, wallMs, venueTimeMs, monotonicMs);
        if (isAhead) this.#metrics.timesAhead.add();
      },
    });
    this.#noteIgnored = createQuietLog(clock, (count, why) => logger.info({ count, why }, 'frames ignored'));
    this.#noteError = createQuietLog(clock, (count, reason) => logger.warn({ count, reason }, 'venue complained'));
  }

  get status(): ConnectorStatus {
    return this.#teller.status;
  }

  start(): void {
    const { venue, url, statusFeeds = createStatusFeeds({ ...this.#options, budget: this.#budget }) } = this.#options;
    this.#unfollow = statusFeeds.follow(venue, url, (status) => this.#takeStatus(status));
    this.#dispatch({ type: 'start' });
    if (this.#state.main.phase !== 'stopped')
      this.#surveys ??= this.#options.clock.setInterval(() => this.#survey(), SURVEY_MS);
  }

  follow(markets: readonly Market[]): void {
    this.#markets = new Map(markets.map((market) => [market.symbol, market]));
    this.#quotes.follow(markets);
    this.#dispatch({ type: 'follow', symbols: [...this.#markets.keys()] });
  }

  async stop(): Promise<void> {
    const closed = this.#connections.closed();
    this.#unfollow();
    this.#works.stop();
    this.#surveys?.cancel();
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
    if (event.type === 'opened') {
      for (const status of this.#works.current) this.#dispatch({ ...event, type: 'status', status });
    }
    this.#noteStatus(before);
    // A frame only moves deadlines away, which the timer finds out when it fires.
    if (event.type !== 'frame') this.#alarm.set(nextRelayWakeMs(this.#state, this.#settings));
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
      case 'unsubscribe':
        this.#connections.unsubscribe(connection, effect.symbols, effect.requestId);
        break;
      case 'ping':
      case 'list':
        this.#connections[effect.type](connection, effect.requestId);
        break;
      case 'reconcile': {
        const nowMs = this.#options.clock.monotonicMs();
        const unproven = this.#renewals.due(this.#quotes.unprovenSince(nowMs - UNPROVEN_MS), nowMs);
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

  #take(frame: string, connection: number, waitedMs = 0): void {
    // A socket that was given up reports nothing; this keeps it so whatever a socket does.
    const isSecond = connection === this.#state.second?.machine.connection;
    if (!isSecond && connection !== this.#state.main.connection) return;
    const { venue, clock } = this.#options;
    const monotonicMs = clock.monotonicMs() - waitedMs;
    const arrival: Arrival = { monotonicMs, wallMs: clock.nowMs() - waitedMs, connection, isSecond };
    const events = venue.decode(frame);
    this.#dispatch({ type: 'frame', sign: signOf(events), connection });
    for (const event of events) this.#takeEvent(event, arrival);
    if (!isSecond) this.#quotes.alive(arrival);
    else if (this.#isCovered(connection)) this.#dispatch({ type: 'covered', connection });
  }

  #survey(): void {
    const { connection, link } = this.#state.main;
    if (link === undefined) return;
    const survey = this.#quotes.survey(connection, this.#options.clock.monotonicMs());
    if (survey.missed.length > 0) this.#dispatch({ type: 'reconcile', unproven: survey.missed, connection });
    this.#dispatch({ type: 'surveyed', survey, connection });
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
        this.#takeStatus(event, connection);
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
        this.#count(this.#quotes.trade(event, arrival));
        break;
      case 'pong':
      case 'unsubscribed':
    }
  }

  /** Work is told when it changes, and to whom is connected then: a new connection is told what is not over. */
  #takeStatus(status: StatusEvent, connection = this.#state.main.connection): void {
    this.#works.take(status);
    this.#dispatch({ type: 'status', status, connection });
  }

  #count(verdict: ReturnType<SourceQuotes['ticker']>): void {
    if (verdict === 'older' || verdict === 'unasked' || verdict === 'duplicate') this.#metrics.dropped(verdict);
  }

  /** At once, save for single symbols. */
  #noteStatus({ main: before, second }: RelayState): void {
    const { main } = this.#state;
    const isOther = saysOther(before, main) || (second === undefined) !== (this.#state.second === undefined);
    if (isOther) this.#teller.tell();
    else if (main.subscriptions !== before.subscriptions) this.#teller.tellSoon();
  }
}
