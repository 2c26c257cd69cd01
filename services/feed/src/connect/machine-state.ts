/** What the connector's state machine remembers, hears and asks for. The machine itself: `machine.ts`. */
import type { RejectedEvent, StatusEvent, SubscribedEvent, VenueEvent, VenueTiming } from '@weir/venues';
import type { Survey } from './survey-markets.ts';
import { createSubscriptions, type SubscribeRequest, type Subscriptions, type SymbolNotice } from './subscriptions.ts';

/** Why a connection ended or never began; CamelCase as in a condition's reason. */
export type FailureReason =
  | 'ConnectFailed'
  | 'ConnectTimeout'
  | 'ConnectionLost'
  | 'Silent'
  | 'SubscribeTimeout'
  | 'NoData'
  | 'AllSymbolsRefused';

export interface Failure {
  readonly reason: FailureReason;
  /** One sentence for people. */
  readonly message: string;
}

/** What is known of the open socket. */
export interface Link {
  readonly lastFrameMs: number;
  /** A sign of life was asked for and none has come. */
  readonly isPinged: boolean;
  /** When one is asked for, whatever comes; Infinity: only after silence. */
  readonly pingAtMs: number;
  readonly hasData: boolean;
  /** Data is due by then; absent: the venue's heartbeats name what they stand for. */
  readonly dataDueMs: number | undefined;
  readonly reconcileAtMs: number;
  readonly liveSinceMs: number | undefined;
  /** Requests so far are paid for by then, at the pace that the venue allows. */
  readonly requestsPaidMs: number;
  /** Since it was opened, or most of its markets were last without a confirmation, or its venue went on. */
  readonly calmSinceMs: number;
  readonly lastDataMs: number | undefined;
  /** Since when most of its markets are known to be without a confirmation. */
  readonly staleSinceMs: number | undefined;
  /** Connections in a row that were given up for want of data before this one; 0 once its own data are seen to move. */
  readonly freezes: number;
}

/** Wall times: the venue speaks in dates. */
export interface MaintenanceWindow {
  readonly title: string;
  readonly startMs?: number;
  readonly endMs?: number;
  /** Connections end with its start. */
  readonly endsConnections?: true;
}

export interface Halt {
  /** Absent: the venue is online. */
  readonly message: string | undefined;
  /** Markets that stand still although the venue is online. */
  readonly symbols: ReadonlySet<string>;
  readonly windows: readonly MaintenanceWindow[];
  /** What the others are made of, by piece of work; the venue itself has the empty name. */
  readonly works?: ReadonlyMap<string, Work>;
}

/** What the venue says of one piece of work. */
export type Work = Pick<Halt, 'message' | 'windows'>;

/** idle: before the start. stopped: for good. The others as in `machine.ts`. */
export type Phase = 'idle' | 'connecting' | 'subscribing' | 'live' | 'degraded' | 'backoff' | 'stopped';

export interface ConnectorState {
  readonly phase: Phase;
  /** Number of the socket that counts; what comes from another one is ignored. */
  readonly connection: number;
  /** The highest number given so far, to any connection of the source. */
  readonly lastConnection: number;
  /** While a socket is open. */
  readonly link: Link | undefined;
  readonly subscriptions: Subscriptions;
  /** Failures since the connection was last stable. */
  readonly attempts: number;
  /** Of the next connection. */
  readonly freezes: number;
  /** Beginning of the outage that is not yet overcome. */
  readonly outageSinceMs: number | undefined;
  /** Of `backoff`: its end. Of `connecting`: the end of patience. */
  readonly untilMs: number;
  /** Why it is not live; until it is. */
  readonly failure: Failure | undefined;
  readonly halt: Halt;
}

/** What a frame is worth as a proof: prices, a heartbeat, or just that somebody is there. */
export type Sign = 'data' | 'heartbeat' | 'other';

/** The strongest sign among a frame's events. */
export function signOf(events: readonly VenueEvent[]): Sign {
  let sign: Sign = 'other';
  for (const { kind } of events) {
    if (kind === 'ticker' || kind === 'quote' || kind === 'trade' || kind === 'past-trade') return 'data';
    if (kind === 'heartbeat') sign = 'heartbeat';
  }
  return sign;
}

/** What the socket of a connection reports. */
export type LinkEvent =
  | { readonly type: 'opened' }
  | {
      readonly type: 'failed';
      readonly message: string;
      readonly retryAfterMs?: number;
    }
  | { readonly type: 'closed'; readonly message: string }
  | { readonly type: 'frame'; readonly sign: Sign }
  | { readonly type: 'subscribed'; readonly ack: SubscribedEvent }
  | { readonly type: 'rejected'; readonly rejection: RejectedEvent }
  | { readonly type: 'status'; readonly status: StatusEvent }
  /** Symbols that are subscribed but have shown no sign of life since the last reconciliation. */
  | { readonly type: 'reconcile'; readonly unproven: readonly string[] }
  /** How its markets stand, every few seconds. */
  | { readonly type: 'surveyed'; readonly survey: Survey };

export type ConnectorEvent =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  /** Time has passed; due at `nextWakeMs`, harmless at any other time. */
  | { readonly type: 'tick' }
  /** The connection asked for has to wait for its turn. */
  | { readonly type: 'deferred'; readonly waitMs: number }
  | (LinkEvent & { readonly connection: number });

/** The time of an event, and its luck: a uniform number in [0, 1). */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
  readonly chance: number;
}

export type Notice =
  | SymbolNotice
  | ({ readonly kind: 'maintenance-announced' } & MaintenanceWindow)
  | { readonly kind: 'market-halted' | 'market-resumed'; readonly symbol: string }
  | DrainNotice;

/** draining: a second connection is asked for. handed-over: it has taken over. drain-given-up: it could not be had. */
export interface DrainNotice {
  readonly kind: 'draining' | 'handed-over' | 'drain-given-up';
  readonly reason: string;
}

export type Effect =
  | { readonly type: 'connect'; readonly connection: number; readonly handshakeTimeoutMs: number }
  | { readonly type: 'terminate' }
  | { readonly type: 'subscribe'; readonly request: SubscribeRequest }
  /** Of any number of symbols; nothing hangs on the answer. */
  | { readonly type: 'unsubscribe'; readonly symbols: readonly string[]; readonly requestId: number }
  | { readonly type: 'ping'; readonly requestId: number }
  /** The answer is an acknowledgement that is complete. */
  | { readonly type: 'list'; readonly requestId: number }
  /** Answer with the event of the same name. */
  | { readonly type: 'reconcile' }
  | { readonly type: 'notice'; readonly notice: Notice };

export interface Step {
  readonly state: ConnectorState;
  readonly effects: readonly Effect[];
}

export interface MachineSettings {
  readonly timing: VenueTiming;
  readonly symbolsPerFrame: number;
  /** Absent: as many as there are. */
  readonly requestsPerHour?: number;
  /** The venue can be asked what is subscribed. */
  readonly canList?: boolean;
}

export function createConnectorState(symbols: readonly string[]): ConnectorState {
  return {
    phase: 'idle',
    connection: 0,
    lastConnection: 0,
    link: undefined,
    subscriptions: createSubscriptions(symbols),
    attempts: 0,
    freezes: 0,
    outageSinceMs: undefined,
    untilMs: Infinity,
    failure: undefined,
    halt: { message: undefined, symbols: new Set(), windows: [] },
  };
}
