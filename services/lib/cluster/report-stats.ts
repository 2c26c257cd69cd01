/** Says what this process counts and that it lives, and keeps the number of those who decide about keys or call upstreams. */
import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import { CLUSTER_COUNTERS, encodeClusterStats, type ClusterCounters } from '@weir/wire';

const INTERVAL_MS = 3_000;
/** Between two reports, however often they are asked for. */
const PAUSE_MS = 100;
/** A rate over less says little. */
const RATE_OVER_MS = 1_000;
/** Three heartbeats missed. */
const GONE_AFTER_MS = 10_000;
/** Processes that decide about keys. */
const DECIDERS: ReadonlySet<string> = new Set<ClusterRole>(['price', 'limiter', 'gateway', 'report']);
/** Processes that call upstreams under a quota. */
const CALLERS: ReadonlySet<string> = new Set<ClusterRole>(['feed', 'price', 'limiter', 'gateway']);

export type ClusterRole =
  | 'operator'
  | 'feed'
  | 'price'
  | 'limiter'
  | 'gateway'
  | 'sync'
  | 'report'
  | 'webhook'
  | 'console';

export interface StatsReporterOptions {
  /** Pod name. */
  readonly node: string;
  readonly role: ClusterRole;
  readonly valkey: Pick<Valkey, 'bulk' | 'serverTimeMs'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug'>;
  /** Since the start; what is absent is 0. */
  readonly counters?: () => Partial<ClusterCounters>;
  /** Absent in a role that uses no policies. */
  readonly appliedPoliciesSeq?: () => number;
}

export interface StatsReporter {
  /** How many processes decide about keys. At least 1. */
  livePods(): number;
  /** How many processes share the quotas of upstreams. At least 1. */
  liveCallers(): number;
  /** Reports without waiting for the next turn: for what others wait for. Calls in quick succession become one report. */
  reportNow(): void;
  /** Takes this process off the list. */
  close(): Promise<void>;
}

/** Reports at once and then every 3 s, until it is closed. */
export function reportStats(options: StatsReporterOptions): StatsReporter {
  return new Reporter(options);
}

class Reporter implements StatsReporter {
  readonly #options: StatsReporterOptions;
  readonly #collect: () => string;
  readonly #member: string;
  readonly #ticking: Timer;
  #livePods = 1;
  #liveCallers = 1;
  #reporting: Promise<void> | undefined;
  #reportedMs = Number.NEGATIVE_INFINITY;
  /** Asked for while another report was under way, or had just been. */
  #isAskedFor = false;
  #pause: Timer | undefined;
  #isClosed = false;

  constructor(options: StatsReporterOptions) {
    const { node, role, clock } = options;
    this.#options = options;
    this.#collect = createCollector(options);
    this.#member = keyspace.clusterNodeMember.key({ role, node });
    this.#start();
    this.#ticking = clock.setInterval(() => {
      // One that hangs is not joined by others.
      if (this.#reporting === undefined) this.#start();
    }, INTERVAL_MS);
  }

  livePods(): number {
    return this.#livePods;
  }

  liveCallers(): number {
    return this.#liveCallers;
  }

  reportNow(): void {
    if (this.#isClosed || this.#pause !== undefined) return;
    if (this.#reporting !== undefined) {
      this.#isAskedFor = true;
      return;
    }
    const { clock } = this.#options;
    const waitMs = this.#reportedMs + PAUSE_MS - clock.monotonicMs();
    if (waitMs <= 0) {
      this.#start();
      return;
    }
    this.#pause = clock.setTimeout(() => {
      this.#pause = undefined;
      this.reportNow();
    }, waitMs);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ticking.cancel();
    this.#pause?.cancel();
    await this.#reporting;
    await this.#options.valkey.bulk.call('ZREM', keyspace.clusterNodes.key(), this.#member).catch(() => {
      // The entry goes with time.
    });
  }

  #start(): void {
    this.#isAskedFor = false;
    this.#reportedMs = this.#options.clock.monotonicMs();
    this.#reporting = this.#report().finally(() => {
      this.#reporting = undefined;
      if (this.#isAskedFor) this.reportNow();
    });
  }

  async #report(): Promise<void> {
    const { valkey, node, logger } = this.#options;
    const nowMs = Math.round(valkey.serverTimeMs());
    const { bulk } = valkey;
    const nodes = keyspace.clusterNodes.key();
    const { ttlSeconds } = keyspace.clusterStats;
    try {
      const [, , , alive] = await Promise.all([
        bulk.call('SET', keyspace.clusterStats.key({ node }), this.#collect(), 'EX', ttlSeconds),
        bulk.call('ZADD', nodes, nowMs, this.#member),
        bulk.call('ZREMRANGEBYSCORE', nodes, '-inf', nowMs - ttlSeconds * 1_000),
        bulk.call('ZRANGE', nodes, nowMs - GONE_AFTER_MS, '+inf', 'BYSCORE'),
      ]);
      this.#livePods = Math.max(1, countMembers(alive, DECIDERS));
      this.#liveCallers = Math.max(1, countMembers(alive, CALLERS));
    } catch (err) {
      logger.debug({ err }, 'cluster stats could not be reported');
    }
  }
}

function countMembers(members: unknown, roles: ReadonlySet<string>): number {
  if (!Array.isArray(members)) return 0;
  return members.filter((member) => {
    const role = keyspace.clusterNodeMember.parse(String(member))?.role;
    return role !== undefined && roles.has(role);
  }).length;
}

/** Answers the JSON of `cluster:stats:<node>`. */
function createCollector(options: StatsReporterOptions): () => string {
  const { node, role, clock, counters = () => ({}), appliedPoliciesSeq } = options;
  const startId = randomBytes(8).toString('hex');
  const startedMs = clock.monotonicMs();
  let before = { requests: 0, atMs: startedMs };
  let perSecond = 0;
  return () => {
    const atMs = clock.monotonicMs();
    const counted = completeCounters(counters());
    const requests = counted.tcp_requests + counted.udp_requests + counted.lrs_requests;
    const elapsedMs = atMs - before.atMs;
    if (elapsedMs >= RATE_OVER_MS) {
      perSecond = Math.round(((requests - before.requests) / elapsedMs) * 1_000);
      before = { requests, atMs };
    }
    return encodeClusterStats({
      node,
      role,
      start_id: startId,
      ...(appliedPoliciesSeq !== undefined && { applied_policies_seq: appliedPoliciesSeq() }),
      uptime_seconds: Math.floor((atMs - startedMs) / 1_000),
      total_rps: perSecond,
      ...counted,
    });
  };
}

function completeCounters(counted: Partial<ClusterCounters>): ClusterCounters {
  const all = Object.fromEntries(CLUSTER_COUNTERS.map((name) => [name, counted[name] ?? 0]));
  // `fromEntries` forgets the names that it was just given.
  return all as ClusterCounters;
}
