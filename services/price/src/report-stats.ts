/**
 * What this process says of itself every 3 s, and what it learns of the others: how many processes decide about keys.
 *
 * That number divides limits while Valkey is away; the last one known stays in force then.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import type { ClusterStats } from '@weir/wire';
import type { PriceMetrics } from './metrics.ts';

const INTERVAL_MS = 3_000;
/** Three heartbeats missed. */
const GONE_AFTER_MS = 10_000;
const ROLE = 'price';
/** Processes that decide about keys. */
const DECIDERS: ReadonlySet<string> = new Set(['price', 'limiter', 'gateway', 'report']);

export interface StatsReporterOptions {
  readonly node: string;
  readonly valkey: Pick<Valkey, 'bulk' | 'serverTimeMs'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: PriceMetrics;
  readonly appliedPoliciesSeq: () => number;
}

export interface StatsReporter {
  /** At least 1: this one. */
  livePods(): number;
  /** Takes this process off the list. */
  close(): Promise<void>;
}

export function reportStats(options: StatsReporterOptions): StatsReporter {
  const { node, valkey, clock, logger } = options;
  const collect = createCollector(options);
  const member = keyspace.clusterNodeMember.key({ role: ROLE, node });
  const nodes = keyspace.clusterNodes.key();
  let livePods = 1;
  let reporting: Promise<void> | undefined;

  const report = async (): Promise<void> => {
    const nowMs = Math.round(valkey.serverTimeMs());
    const { bulk } = valkey;
    try {
      const [, , , alive] = await Promise.all([
        bulk.call('SET', keyspace.clusterStats.key({ node }), collect(), 'EX', keyspace.clusterStats.ttlSeconds),
        bulk.call('ZADD', nodes, nowMs, member),
        bulk.call('ZREMRANGEBYSCORE', nodes, '-inf', nowMs - keyspace.clusterStats.ttlSeconds * 1_000),
        bulk.call('ZRANGE', nodes, nowMs - GONE_AFTER_MS, '+inf', 'BYSCORE'),
      ]);
      livePods = Math.max(1, countDeciders(alive));
    } catch (err) {
      logger.debug({ err }, 'cluster stats could not be reported');
    }
  };

  const tick = (): void => {
    reporting ??= report().finally(() => {
      reporting = undefined;
    });
  };
  tick();
  const ticking = clock.setInterval(tick, INTERVAL_MS);

  return {
    livePods: () => livePods,
    async close() {
      ticking.cancel();
      await reporting;
      await valkey.bulk.call('ZREM', nodes, member).catch(() => {
        // The entry goes with time.
      });
    },
  };
}

function countDeciders(members: unknown): number {
  if (!Array.isArray(members)) return 0;
  return members.filter((member) => {
    const role = keyspace.clusterNodeMember.parse(String(member))?.role;
    return role !== undefined && DECIDERS.has(role);
  }).length;
}

/** Answers the JSON of `cluster:stats:<node>`. */
function createCollector({ node, clock, metrics, appliedPoliciesSeq }: StatsReporterOptions): () => string {
  const startId = randomBytes(8).toString('hex');
  const startedMs = clock.monotonicMs();
  let before = { requests: 0, atMs: startedMs };
  return () => {
    const atMs = clock.monotonicMs();
    const { answered, refused4xx, refused5xx } = metrics;
    const requests = answered.value + refused4xx.value + refused5xx.value;
    const seconds = (atMs - before.atMs) / 1_000;
    const perSecond = seconds > 0 ? (requests - before.requests) / seconds : 0;
    before = { requests, atMs };
    const stats: ClusterStats = {
      node,
      role: ROLE,
      start_id: startId,
      applied_policies_seq: appliedPoliciesSeq(),
      uptime_seconds: Math.floor((atMs - startedMs) / 1_000),
      tcp_requests: requests,
      udp_requests: 0,
      lrs_requests: 0,
      total_rps: Math.round(perSecond),
      syncmap_hits: metrics.syncmapHits.value,
      elasticache_hits: metrics.elasticacheHits.value,
      cache_misses: metrics.cacheMisses.value,
      errors_5xx: refused5xx.value,
      errors_4xx: refused4xx.value,
      rate_limit_hits: metrics.rateLimited.value,
      bg_work_dropped: 0,
    };
    return JSON.stringify(stats);
  };
}
