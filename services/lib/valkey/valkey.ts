/** Everything a process has of one Valkey: two clients, a subscriber, the server's time. */
import type { Clock } from '@weir/clock';
import { WeirError } from '@weir/errors';
import type { Logger, Telemetry } from '@weir/telemetry';

import { openClient, type ValkeyClient } from './client.ts';
import type { ServerInfo } from './server-info.ts';
import { createServerTime } from './server-time.ts';
import { Subscriber, type Subscription, type SubscriptionHandlers } from './subscriber.ts';
import type { ValkeyTarget } from './target.ts';

export interface ValkeyOptions {
  readonly target: ValkeyTarget;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Shown by CLIENT LIST, with the purpose of each connection behind it. */
  readonly clientName: string;
  readonly deadlines?: { readonly decideMs?: number; readonly bulkMs?: number };
  /** Of the reconnection delays. */
  readonly random?: () => number;
}

export interface ValkeyStatus {
  /** Whether the decide client would send a call now. */
  readonly connected: boolean;
  /** Round trip of its last PING (one per second); `undefined` while there is none. */
  readonly lastPingMs: number | undefined;
}

export interface Valkey {
  /** For decisions that a caller waits for: deadline 50 ms. */
  readonly decide: ValkeyClient;
  /** For everything else: deadline 1 s. */
  readonly bulk: ValkeyClient;
  subscribe(channels: readonly string[], on: SubscriptionHandlers): Subscription;
  /** Time of the server; never goes back. Before the first sample: the wall clock of this machine. */
  serverTimeMs(): number;
  status(): ValkeyStatus;
  /**
   * Resolves once all connections are up and the server's time is known, however long that takes. Rejects when the
   * server turns the login down, when this is closed first, and with CONFIG_INVALID when the first server may evict keys;
   * a later one that may, behind the same address, is logged as an error.
   */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export const DEFAULT_DEADLINES = { decideMs: 50, bulkMs: 1_000 } as const;

const TIME_RETRY_MS = 100;

/** Sees to it that no server evicts keys: what is unknown is warned of once. */
function createEvictionCheck(logger: Logger, refuse: (error: WeirError) => void) {
  let isFirst = true;
  return (info: ServerInfo | undefined): void => {
    const policy = info?.maxmemoryPolicy;
    if (policy === undefined) {
      if (isFirst) logger.warn('maxmemory-policy of Valkey cannot be read: grant +info to the ACL user');
    } else if (policy !== 'noeviction') {
      logger.error({ policy }, 'Valkey may evict keys that Weir relies on: set maxmemory-policy to noeviction');
      if (isFirst) refuse(evictionError(policy));
    }
    isFirst = false;
  };
}

function evictionError(policy: string): WeirError {
  const problem = `Valkey may evict keys that Weir relies on: its maxmemory-policy is ${policy}`;
  const fix =
    'run CONFIG SET maxmemory-policy noeviction there and put it into its configuration, ' +
    'or use the Valkey of the chart (valkey.enabled), which has it';
  return new WeirError('CONFIG_INVALID', { detail: `${problem}; ${fix}` });
}

/** What has to have happened once before a process relies on Valkey. */
function createReadiness() {
  const decide = Promise.withResolvers<void>();
  const bulk = Promise.withResolvers<void>();
  const subscribe = Promise.withResolvers<void>();
  const firsts = [decide, bulk, subscribe];
  const all = Promise.all(firsts.map(({ promise }) => promise)).then(() => {});
  // Whoever does not wait for it is not interested in its rejection.
  all.catch(() => {});
  const fail = (error: Error): void => {
    for (const { reject } of firsts) reject(error);
  };
  return { all, decide: decide.resolve, bulk: bulk.resolve, subscribe: subscribe.resolve, fail };
}

/** Opens three connections at once, and keeps them up until `close`. Throws CONFIG_INVALID for a CA that is no PEM. */
export function createValkey(options: ValkeyOptions): Valkey {
  const { target, clock, logger, telemetry, clientName } = options;
  const deadlines = { ...DEFAULT_DEADLINES, ...options.deadlines };
  const first = createReadiness();
  const random = options.random ?? Math.random;
  const shared = { target, clock, logger, telemetry, clientName, onRefused: first.fail, random };
  const checkEviction = createEvictionCheck(logger, first.fail);
  let isTimeWanted = true;

  const readTime = async (): Promise<void> => {
    const isKnown = await serverTime.sample();
    if (isKnown) first.decide();
    isTimeWanted &&= !isKnown;
    // Nothing starts without the server's time, so the first one is not left to the next period.
    if (isTimeWanted) clock.setTimeout(() => void readTime(), TIME_RETRY_MS);
  };
  const onUp = (info: ServerInfo | undefined): void => {
    checkEviction(info);
    void readTime();
  };
  const decide = openClient({ ...shared, purpose: 'decide', deadlineMs: deadlines.decideMs, onUp });
  const bulk = openClient({ ...shared, purpose: 'bulk', deadlineMs: deadlines.bulkMs, onUp: () => first.bulk() });
  const subscriber = new Subscriber({ ...shared, onUp: () => first.subscribe() });
  const serverTime = createServerTime({ clock, askTime: () => decide.call('TIME') });

  return {
    decide,
    bulk,
    subscribe: (channels, on) => subscriber.subscribe(channels, on),
    serverTimeMs: () => serverTime.nowMs(),
    status: () => ({ connected: decide.health === 'closed', lastPingMs: decide.connection.lastPingMs }),
    ready: () => first.all,
    async close() {
      isTimeWanted = false;
      first.fail(new WeirError('VALKEY_UNAVAILABLE', { detail: 'closed before Valkey was ready' }));
      serverTime.close();
      await Promise.all([decide.close(), bulk.close(), subscriber.close()]);
    },
  };
}
