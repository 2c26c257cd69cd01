/**
 * Make before break: while the connection that counts is about to end, a second one is opened, subscribed and waited
 * for, and takes over in one step. Pure; each connection is a machine of its own (`machine.ts`), this says when there
 * are two and which of them counts.
 *
 * Draining begins when the venue asks for it, or shortly before announced work that ends connections; only while the
 * main connection is live and the venue is not halted, since otherwise there is nothing to save. Values go on coming from
 * the main connection, and newer ones from the second as well (`source-quotes.ts`).
 *
 * handed over   Every symbol of the second is confirmed or refused, and it has sent something of every symbol that the
 *               main one has a value of: it is the main one now, the old one is terminated.
 * taken over    The main connection ends before: the second becomes the main one as it is, be it only half subscribed.
 * given up      Not there after 30 s or three attempts, or it says that the venue is halted: the main connection stays
 *               until it ends, and then it is an outage like any other, at the pace of a venue under maintenance.
 *
 * Attempts are 5 s apart and take their turn in the connect budget, and drainings begin a minute apart, whatever a venue
 * announces: it is never knocked at more often than by an outage.
 */
import { changeWanted } from './change-wanted.ts';
import type { ConnectorEvent, ConnectorState, DrainNotice, Effect, MachineSettings, Moment } from './machine-state.ts';
import { createConnectorState } from './machine-state.ts';
import { nextWakeMs, reduce, settleOutage } from './machine.ts';
import { FAST_HANDSHAKE_MS } from './reconnect-delay.ts';
import { forkSubscriptions } from './subscriptions.ts';
import { applyStatus, isHalted, nextDisconnection } from './venue-halt.ts';

/** Before announced work begins: the second connection must be there, and is of no use much earlier. */
const LEAD_MS = 30_000;
const PATIENCE_MS = 30_000;
const PAUSE_MS = 60_000;
const RETRY_MS = 5_000;
const ATTEMPTS_MAX = 3;

export interface RelayState {
  /** The connection whose state is the source's. */
  readonly main: ConnectorState;
  readonly second: Second | undefined;
  /** The venue's words, when it asks to leave the main connection. */
  readonly asked: string | undefined;
  /** When to prepare for the next announced disconnection. */
  readonly windowDueMs: number;
  /** Work that begins by then is dealt with, or began before the connection. Wall time. */
  readonly servedUntilMs: number;
  /** The next draining begins no sooner. */
  readonly pausedUntilMs: number;
}

interface Second {
  readonly machine: ConnectorState;
  readonly deadlineMs: number;
  readonly attempts: number;
}

export type RelayEvent =
  | Exclude<ConnectorEvent, { readonly type: 'deferred' }>
  | { readonly type: 'deferred'; readonly waitMs: number; readonly connection: number }
  /** The venue will end this connection. */
  | { readonly type: 'drain'; readonly reason: string; readonly connection: number }
  /** It has sent something of every symbol that has a value. */
  | { readonly type: 'covered'; readonly connection: number }
  /** These symbols are wanted from now on, of whichever connection. */
  | { readonly type: 'follow'; readonly symbols: readonly string[] };

/** With the number of the connection it is for. */
export type RelayEffect = Effect & { readonly connection: number };

export interface RelayStep {
  readonly state: RelayState;
  readonly effects: readonly RelayEffect[];
}

export function createRelayState(symbols: readonly string[]): RelayState {
  return {
    main: createConnectorState(symbols),
    second: undefined,
    asked: undefined,
    windowDueMs: Infinity,
    servedUntilMs: -Infinity,
    pausedUntilMs: -Infinity,
  };
}

export function reduceRelay(
  state: RelayState,
  event: RelayEvent,
  moment: Moment,
  settings: MachineSettings,
): RelayStep {
  const turn: Turn = { moment, settings, effects: [] };
  const next = take(state, event, turn);
  return { state: next === state ? state : beginIfDue(next, turn), effects: turn.effects };
}

/** When the next tick is due; `undefined` when none is. */
export function nextRelayWakeMs(state: RelayState, settings: MachineSettings): number | undefined {
  const { main, second } = state;
  const wakes = [
    nextWakeMs(main, settings),
    second === undefined ? drainDueMs(state) : second.deadlineMs,
    second && nextWakeMs(second.machine, settings),
  ];
  const earliest = Math.min(...wakes.map((wake) => wake ?? Infinity));
  return Number.isFinite(earliest) ? earliest : undefined;
}

interface Turn {
  readonly moment: Moment;
  readonly settings: MachineSettings;
  readonly effects: RelayEffect[];
}

function take(state: RelayState, event: RelayEvent, turn: Turn): RelayState {
  const { main, second } = state;
  if (event.type === 'follow') return follow(state, new Set(event.symbols), turn);
  if (!('connection' in event)) {
    if (event.type === 'tick') return takeSecond(takeMain(state, event, turn), event, turn);
    const after = { ...state, main: run(main, second?.machine, event, turn), second: undefined };
    if (second !== undefined) run(second.machine, after.main, event, turn);
    return after;
  }
  if (event.connection === main.connection) return takeMain(state, event, turn);
  return event.connection === second?.machine.connection ? takeSecond(state, event, turn) : state;
}

function follow(state: RelayState, wanted: ReadonlySet<string>, turn: Turn): RelayState {
  const { moment, settings } = turn;
  const terms = { nowMs: moment.monotonicMs, symbolsPerFrame: settings.symbolsPerFrame };
  const change = (machine: ConnectorState): ConnectorState => {
    const changed = changeWanted(machine, wanted, terms);
    for (const effect of changed.effects) turn.effects.push({ connection: machine.connection, ...effect });
    return changed.state;
  };
  const { main, second } = state;
  const changed = { ...state, main: change(main), second: second && { ...second, machine: change(second.machine) } };
  // With the tick the machines ask for what is new.
  return take(changed, { type: 'tick' }, turn);
}

/** One step of one of the machines; a number that one of them has given the other never gives again. */
function run(
  machine: ConnectorState,
  other: ConnectorState | undefined,
  event: ConnectorEvent,
  turn: Turn,
): ConnectorState {
  const lastConnection = Math.max(machine.lastConnection, other?.lastConnection ?? 0);
  const known = lastConnection === machine.lastConnection ? machine : { ...machine, lastConnection };
  const { state, effects } = reduce(known, event, turn.moment, turn.settings);
  // A machine that asks for a connection says itself which.
  for (const effect of effects) turn.effects.push({ connection: machine.connection, ...effect });
  return state;
}

function takeMain(state: RelayState, event: RelayEvent, turn: Turn): RelayState {
  if (event.type === 'covered' || event.type === 'follow') return state;
  if (event.type === 'drain') return { ...state, asked: event.reason };
  const main = run(state.main, state.second?.machine, event, turn);
  const next = { ...state, main };
  if (state.main.link !== undefined && main.link === undefined) return takeOver(next, turn);
  if (event.type === 'opened') {
    // Work that has begun was begun without this connection.
    return planned(
      { ...next, asked: undefined, servedUntilMs: Math.max(next.servedUntilMs, turn.moment.wallMs) },
      turn,
    );
  }
  if (event.type !== 'status') return next;
  const { second } = next;
  if (isHalted(main.halt, main.subscriptions.symbols)) return giveUp(planned(next, turn), 'the venue is halted', turn);
  if (second === undefined) return planned(next, turn);
  // It may be told of the venue on connecting alone.
  const { halt } = applyStatus(second.machine.halt, event.status, second.machine.subscriptions.symbols);
  return planned({ ...next, second: { ...second, machine: { ...second.machine, halt } } }, turn);
}

function takeSecond(state: RelayState, event: RelayEvent, turn: Turn): RelayState {
  const { second, main } = state;
  if (second === undefined || event.type === 'follow') return state;
  if (event.type === 'covered') return second.machine.phase === 'live' ? handOver(state, second, turn) : state;
  // One that is to end as well is as good as none.
  const heard: ConnectorEvent =
    event.type === 'drain' ? { type: 'closed', message: event.reason, connection: event.connection } : event;
  let machine = run(second.machine, main, heard, turn);
  if (isHalted(machine.halt, machine.subscriptions.symbols)) {
    return giveUp({ ...state, second: { ...second, machine } }, machine.halt.message ?? 'the venue is halted', turn);
  }
  const { monotonicMs: nowMs } = turn.moment;
  const hasFailed = machine.phase === 'backoff' && second.machine.phase !== 'backoff' && heard.type !== 'deferred';
  if (hasFailed) machine = { ...machine, untilMs: Math.max(machine.untilMs, nowMs + RETRY_MS) };
  const next = { ...second, machine, attempts: second.attempts + Number(hasFailed) };
  const isHopeless =
    machine.phase === 'backoff' && (machine.untilMs >= next.deadlineMs || next.attempts >= ATTEMPTS_MAX);
  const after = { ...state, second: next };
  if (!isHopeless && nowMs < next.deadlineMs) return after;
  return giveUp(after, machine.failure?.message ?? 'not there in time', turn);
}

/** The second connection has all that the main one has. */
function handOver(state: RelayState, { machine }: Second, turn: Turn): RelayState {
  turn.effects.push({ type: 'terminate', connection: state.main.connection });
  note(turn, 'handed-over', 'every symbol is there');
  return become(state, machine, turn);
}

/** The main connection has ended: whatever the second has reached by now is ahead of a new attempt. */
function takeOver(state: RelayState, turn: Turn): RelayState {
  const { main, second } = state;
  if (second === undefined) return planned({ ...state, asked: undefined }, turn);
  const { machine } = second;
  if (machine.phase === 'backoff')
    return planned({ ...giveUp(state, 'the first one has ended', turn), asked: undefined }, turn);
  note(turn, 'handed-over', 'the first one has ended');
  if (machine.phase === 'live' || machine.phase === 'degraded') return become(state, machine, turn);
  const { failure, attempts, outageSinceMs } = main;
  // What is an outage from now on is waited for as in one.
  const untilMs = Math.min(machine.untilMs, turn.moment.monotonicMs + FAST_HANDSHAKE_MS);
  return become(state, { ...machine, failure, attempts, outageSinceMs, untilMs }, turn);
}

function become(state: RelayState, machine: ConnectorState, turn: Turn): RelayState {
  const lastConnection = Math.max(machine.lastConnection, state.main.lastConnection);
  const { wallMs } = turn.moment;
  return planned(
    {
      ...state,
      main: { ...machine, lastConnection },
      second: undefined,
      asked: undefined,
      servedUntilMs: Math.max(state.servedUntilMs, wallMs),
    },
    turn,
  );
}

function giveUp(state: RelayState, reason: string, turn: Turn): RelayState {
  const { second, main } = state;
  if (second === undefined) return state;
  const { lastConnection } = run(second.machine, main, { type: 'stop' }, turn);
  note(turn, 'drain-given-up', reason);
  return { ...state, second: undefined, main: { ...main, lastConnection } };
}

/** Finds the next announced disconnection. */
function planned(state: RelayState, { moment }: Turn): RelayState {
  const window = nextDisconnection(state.main.halt, state.servedUntilMs, moment.wallMs);
  const untilMs = (window?.startMs ?? Infinity) - LEAD_MS - moment.wallMs;
  return { ...state, windowDueMs: moment.monotonicMs + Math.max(0, untilMs) };
}

/** Infinity: nothing is to come, or there is nothing to save. */
function drainDueMs({ main, asked, windowDueMs, pausedUntilMs }: RelayState): number {
  const isWorthIt = main.phase === 'live' || main.phase === 'degraded';
  if (!isWorthIt || isHalted(main.halt, main.subscriptions.symbols)) return Infinity;
  return Math.max(pausedUntilMs, asked === undefined ? windowDueMs : -Infinity);
}

function beginIfDue(state: RelayState, turn: Turn): RelayState {
  const { monotonicMs: nowMs, wallMs } = turn.moment;
  if (state.second !== undefined || nowMs < drainDueMs(state)) return state;
  // The wall clock may have been put right since this was planned.
  const fresh = planned(state, turn);
  if (nowMs < drainDueMs(fresh)) return fresh;
  const { main, asked, servedUntilMs } = fresh;
  const window = nextDisconnection(main.halt, servedUntilMs, wallMs);
  const isWindowDue = fresh.windowDueMs <= nowMs;
  note(turn, 'draining', asked ?? window?.title ?? 'maintenance');
  const { attempts, outageSinceMs } = settleOutage(main, nowMs);
  const idle: ConnectorState = {
    ...createConnectorState([]),
    subscriptions: forkSubscriptions(main.subscriptions),
    halt: main.halt,
    freezes: main.link?.freezes ?? main.freezes,
    attempts,
    outageSinceMs,
  };
  const machine = run(idle, main, { type: 'start' }, turn);
  const begun: RelayState = {
    ...fresh,
    second: { machine, deadlineMs: nowMs + PATIENCE_MS, attempts: 0 },
    asked: undefined,
    servedUntilMs: isWindowDue ? Math.max(servedUntilMs, window?.startMs ?? servedUntilMs) : servedUntilMs,
    pausedUntilMs: nowMs + PAUSE_MS,
  };
  return planned(begun, turn);
}

function note({ effects }: Turn, kind: DrainNotice['kind'], reason: string): void {
  effects.push({ type: 'notice', connection: 0, notice: { kind, reason } });
}
