/**
 * The state machine of one connection after the other; where two overlap is `relay.ts`. Pure, but for the standings in
 * `subscriptions.ts`: what happens and when is told to it, what to do comes out as effects.
 *
 * idle         Before `start`.
 * connecting   A socket was asked for. Opened: subscribing. Failed, or not open in time: backoff. Not allowed yet by
 *              the connect budget: backoff until it is, which counts as no failure.
 * subscribing  The wanted symbols are asked for, one request at a time (`subscriptions.ts`). Data counts from the first
 *              frame on. No symbol confirmed within a request's time: backoff. Every symbol confirmed or refused: live.
 * live         Lost, or without data for longer than the venue may be: backoff. Every 60 s what is wanted and what is
 *              confirmed are compared and the difference is asked for, as is the venue where it can list what it has;
 *              refused symbols are asked for when due. Some venues are asked for a sign of life at intervals.
 * degraded     Live, but no frame of any kind for T1: a sign of life is asked for. A frame: live. None by T2: the socket
 *              is half-open and is terminated, never closed, since nobody would answer the closing; backoff.
 * backoff      No socket. After the delay of `reconnect-delay.ts`: connecting. While every symbol is refused there is
 *              nothing to ask for: until the first of them is due.
 * draining     Live or degraded, and a second machine like this one opens the connection that takes over: `relay.ts`.
 * stopped      For good.
 *
 * Every connection has a number, which rises when one is asked for and when one is given up, so whatever a replaced
 * socket still reports is ignored. A connection that was live for 10 s ends the outage, one that was live for 60 s also
 * earns the next immediate retry: a venue that flaps is not hammered. While the venue is halted no data is due.
 */
import type {
  ConnectorEvent,
  ConnectorState,
  Effect,
  Failure,
  Link,
  LinkEvent,
  MachineSettings,
  Moment,
  Sign,
  Step,
} from './machine-state.ts';
import { heardLink, linkWakeMs, openLink, pingDue, pingedLink, reconciledLink } from './link.ts';
import { askedLink, requestDueMs } from './request-pace.ts';
import { handshakeTimeoutMs, reconnectDelayMs } from './reconnect-delay.ts';
import { resumedLink, surveyedLink } from './silence.ts';
import {
  acknowledge,
  beginSubscribing,
  earliestRetryMs,
  expireRequest,
  isSettled,
  isUnanswered,
  nextRequest,
  queueDue,
  reconcile,
  refuse,
  symbolsIn,
  type SubscriptionChange,
} from './subscriptions.ts';
import { applyStatus, isHalted, isInMaintenance } from './venue-halt.ts';

const OUTAGE_OVER_MS = 10_000;
const STABLE_MS = 60_000;

export function reduce(state: ConnectorState, event: ConnectorEvent, moment: Moment, settings: MachineSettings): Step {
  if (state.phase === 'stopped') return { state, effects: [] };
  switch (event.type) {
    case 'start':
      return state.phase === 'idle' ? connect(state, moment) : { state, effects: [] };
    case 'stop':
      return stop(state);
    case 'tick':
      return tick(state, moment, settings);
    case 'deferred':
      if (state.phase !== 'connecting') return { state, effects: [] };
      return { state: { ...state, phase: 'backoff', untilMs: moment.monotonicMs + event.waitMs }, effects: [] };
    default:
      return event.connection === state.connection ? onLink(state, event, moment, settings) : { state, effects: [] };
  }
}

/** When the next tick is due; `undefined` when none is. */
export function nextWakeMs(state: ConnectorState, settings: MachineSettings): number | undefined {
  const { phase, link, subscriptions } = state;
  if (phase === 'connecting' || phase === 'backoff') return Number.isFinite(state.untilMs) ? state.untilMs : undefined;
  if (link === undefined) return undefined;
  return Math.min(
    linkWakeMs(link, settings, subscriptions.open === undefined && !isSettled(subscriptions)),
    dataDeadlineMs(state, link),
    subscriptions.open?.deadlineMs ?? Infinity,
    subscriptions.noRetryBeforeMs,
  );
}

function stop(state: ConnectorState): Step {
  return {
    state: { ...state, ...nextConnection(state), phase: 'stopped', link: undefined },
    effects: hasSocket(state) ? [{ type: 'terminate' }] : [],
  };
}

function nextConnection({ lastConnection }: ConnectorState): Pick<ConnectorState, 'connection' | 'lastConnection'> {
  return { connection: lastConnection + 1, lastConnection: lastConnection + 1 };
}

function hasSocket({ phase, link }: ConnectorState): boolean {
  return phase === 'connecting' || link !== undefined;
}

function connect(state: ConnectorState, moment: Moment): Step {
  const { monotonicMs: nowMs } = moment;
  const { symbols } = state.subscriptions;
  const isAnythingWanted = [...symbols.values()].some((standing) => standing.state !== 'refused');
  const retryMs = earliestRetryMs(state.subscriptions);
  if (!isAnythingWanted && retryMs > nowMs)
    return { state: { ...state, phase: 'backoff', untilMs: retryMs }, effects: [] };
  const numbers = nextConnection(state);
  const outageMs = state.outageSinceMs === undefined ? undefined : nowMs - state.outageSinceMs;
  const patienceMs = handshakeTimeoutMs(outageMs);
  return {
    state: { ...state, ...numbers, phase: 'connecting', untilMs: nowMs + patienceMs },
    effects: [{ type: 'connect', connection: numbers.connection, handshakeTimeoutMs: patienceMs }],
  };
}

/** Gives the connection up, whatever state it is in, and waits. */
function giveUp(state: ConnectorState, moment: Moment, failure: Failure, retryAfterMs?: number): Step {
  const { monotonicMs: nowMs, wallMs, chance } = moment;
  const { attempts, outageSinceMs = nowMs } = settleOutage(state, nowMs);
  const delayMs = reconnectDelayMs({
    attempts,
    outageMs: nowMs - outageSinceMs,
    isMaintenance: isInMaintenance(state.halt, wallMs),
    chance,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
  return {
    state: {
      ...state,
      ...nextConnection(state),
      phase: 'backoff',
      link: undefined,
      attempts: attempts + 1,
      freezes: (state.link ?? state).freezes + Number(failure.reason === 'NoData'),
      outageSinceMs,
      untilMs: nowMs + delayMs,
      failure,
    },
    effects: hasSocket(state) ? [{ type: 'terminate' }] : [],
  };
}

/** Takes the time that the connection was live into account. */
export function settleOutage(state: ConnectorState, nowMs: number): ConnectorState {
  const liveMs = nowMs - (state.link?.liveSinceMs ?? nowMs);
  if (liveMs < OUTAGE_OVER_MS) return state;
  return { ...state, outageSinceMs: undefined, attempts: liveMs < STABLE_MS ? state.attempts : 0 };
}

function tick(state: ConnectorState, moment: Moment, settings: MachineSettings): Step {
  const { monotonicMs: nowMs } = moment;
  if (state.link !== undefined) return tickLink(state, state.link, moment, settings);
  if (nowMs < state.untilMs) return { state, effects: [] };
  if (state.phase === 'backoff') return connect(state, moment);
  if (state.phase !== 'connecting') return { state, effects: [] };
  return giveUp(state, moment, { reason: 'ConnectTimeout', message: 'no answer to the handshake' });
}

function tickLink(state: ConnectorState, link: Link, moment: Moment, settings: MachineSettings): Step {
  const { monotonicMs: nowMs } = moment;
  const { timing } = settings;
  const requestId = state.subscriptions.nextRequestId;
  if (nowMs - link.lastFrameMs >= timing.deadAfterMs) {
    return giveUp(state, moment, { reason: 'Silent', message: `no frame for ${timing.deadAfterMs} ms` });
  }
  if (nowMs >= dataDeadlineMs(state, link)) {
    const message = link.hasData ? 'heartbeats came, but no data' : 'no data after the subscription';
    return giveUp(state, moment, { reason: 'NoData', message });
  }
  if (isUnanswered(state.subscriptions, nowMs)) {
    return giveUp(state, moment, { reason: 'SubscribeTimeout', message: 'no answer to the subscription' });
  }
  const effects: Effect[] = [];
  let next = state;
  const ping = pingDue(link, timing, nowMs);
  if (ping !== undefined) {
    const pinged = pingedLink(link, timing, nowMs);
    next = ping.isSilent ? degrade(next, pinged, nowMs) : { ...next, link: pinged };
    effects.push({ type: 'ping', requestId });
  }
  if (next.link !== undefined && nowMs >= link.reconcileAtMs) {
    next = { ...next, link: reconciledLink(next.link, nowMs) };
    if (settings.canList === true) effects.push({ type: 'list', requestId });
    effects.push({ type: 'reconcile' });
  }
  const expired = expireRequest(state.subscriptions, nowMs);
  const change = { ...expired, subscriptions: queueDue(expired.subscriptions, nowMs) };
  return withEffects(effects, applyChange(next, change, moment, settings));
}

function degrade(state: ConnectorState, link: Link, nowMs: number): ConnectorState {
  const quiet = { ...link, isPinged: true, liveSinceMs: undefined };
  return { ...settleOutage(state, nowMs), phase: state.phase === 'live' ? 'degraded' : state.phase, link: quiet };
}

function onLink(state: ConnectorState, event: LinkEvent, moment: Moment, settings: MachineSettings): Step {
  const { link, subscriptions } = state;
  const nowMs = moment.monotonicMs;
  if (event.type === 'failed') {
    return giveUp(state, moment, { reason: 'ConnectFailed', message: event.message }, event.retryAfterMs);
  }
  if (event.type === 'closed') return giveUp(state, moment, { reason: 'ConnectionLost', message: event.message });
  if (event.type === 'opened')
    return state.phase === 'connecting' ? beginLink(state, moment, settings) : { state, effects: [] };
  if (link === undefined) return { state, effects: [] };
  switch (event.type) {
    case 'frame':
      return { state: onFrame(state, link, event.sign, { nowMs, settings }), effects: [] };
    case 'subscribed': {
      const { subscriptions: known, notices } = acknowledge(subscriptions, event.ack);
      // What the venue was asked about and does not have is not to wait for the next comparison.
      const isListed = settings.canList === true && event.ack.complete;
      const compared = isListed ? reconcile(known, [], settings.symbolsPerFrame) : known;
      return applyChange(state, { subscriptions: compared, notices }, moment, settings);
    }
    case 'rejected':
      return applyChange(state, refuse(subscriptions, event.rejection, nowMs), moment, settings);
    case 'reconcile': {
      const compared = reconcile(subscriptions, event.unproven, settings.symbolsPerFrame);
      return applyChange(state, { subscriptions: compared, notices: [] }, moment, settings);
    }
    case 'surveyed': {
      const { link: next, fault } = surveyedLink(link, event.survey, settings.timing, nowMs);
      if (fault !== undefined) return giveUp(state, moment, { reason: 'NoData', message: fault });
      return { state: next === link ? state : { ...state, link: next }, effects: [] };
    }
    case 'status': {
      const { halt, notices } = applyStatus(state.halt, event.status, subscriptions.symbols);
      const isResumed = isHalted(state.halt, subscriptions.symbols) && !isHalted(halt, subscriptions.symbols);
      const effects = notices.map((notice): Effect => ({ type: 'notice', notice }));
      return { state: { ...state, halt, link: isResumed ? resumedLink(link, settings.timing, nowMs) : link }, effects };
    }
  }
}

function beginLink(state: ConnectorState, moment: Moment, settings: MachineSettings): Step {
  const { monotonicMs: nowMs } = moment;
  const link = openLink(settings, nowMs, state.freezes);
  const subscriptions = beginSubscribing(state.subscriptions, nowMs, settings.symbolsPerFrame);
  return applyChange({ ...state, phase: 'subscribing', link }, { subscriptions, notices: [] }, moment, settings);
}

function onFrame(
  state: ConnectorState,
  link: Link,
  sign: Sign,
  { nowMs, settings }: { readonly nowMs: number; readonly settings: MachineSettings },
): ConnectorState {
  const heard = heardLink(link, sign, settings.timing, nowMs);
  if (state.phase !== 'degraded') return { ...state, link: heard };
  return { ...state, phase: 'live', link: { ...heard, liveSinceMs: nowMs } };
}

/** Takes new subscriptions on, asks the next question, and becomes live with the last answer. */
function applyChange(
  state: ConnectorState,
  { subscriptions, notices }: SubscriptionChange,
  moment: Moment,
  settings: MachineSettings,
): Step {
  const { link } = state;
  const effects = notices.map((notice): Effect => ({ type: 'notice', notice }));
  if (link === undefined) return { state: { ...state, subscriptions }, effects };
  const { monotonicMs: nowMs } = moment;
  const mayAsk = nowMs >= requestDueMs(link, settings);
  const next = mayAsk ? nextRequest(subscriptions, nowMs + settings.timing.ackMs) : undefined;
  if (next !== undefined) {
    effects.push({ type: 'subscribe', request: next.request });
    return { state: { ...state, subscriptions: next.subscriptions, link: askedLink(link, settings, nowMs) }, effects };
  }
  const settled = { ...state, subscriptions };
  if (!isSettled(subscriptions)) return { state: settled, effects };
  const { symbols } = subscriptions;
  if (symbolsIn(symbols, 'refused').length === symbols.size) {
    return withEffects(effects, giveUpRefused(settled, moment));
  }
  if (state.phase !== 'subscribing') return { state: settled, effects };
  const live = { ...link, liveSinceMs: nowMs };
  return { state: { ...settled, phase: 'live', link: live, failure: undefined }, effects };
}

/** An open socket without a subscription would be cut by the venue, again and again. */
function giveUpRefused(state: ConnectorState, moment: Moment): Step {
  const step = giveUp(state, moment, { reason: 'AllSymbolsRefused', message: 'the venue knows none of the symbols' });
  return { ...step, state: { ...step.state, untilMs: earliestRetryMs(state.subscriptions) } };
}

function dataDeadlineMs({ halt, subscriptions }: ConnectorState, link: Link): number {
  return isHalted(halt, subscriptions.symbols) ? Infinity : (link.dataDueMs ?? Infinity);
}

function withEffects(effects: readonly Effect[], step: Step): Step {
  return effects.length === 0 ? step : { ...step, effects: [...effects, ...step.effects] };
}
