/** What every process says of itself every 3 s under `cluster:stats:<node>`; the counters keep the source documents' names. */

/** Since the process started. */
export const CLUSTER_COUNTERS = [
  'tcp_requests',
  'udp_requests',
  'lrs_requests',
  'syncmap_hits',
  'elasticache_hits',
  'cache_misses',
  'errors_5xx',
  'errors_4xx',
  'rate_limit_hits',
  'bg_work_dropped',
] as const;

export type ClusterCounters = Readonly<Record<(typeof CLUSTER_COUNTERS)[number], number>>;

export interface ClusterStats extends ClusterCounters {
  readonly node: string;
  readonly role: string;
  /** Random per process start. */
  readonly start_id: string;
  /** What of `policies` is in force here; absent in a role that uses none, so nobody waits for it. */
  readonly applied_policies_seq?: number;
  readonly uptime_seconds: number;
  /** All requests, per second. */
  readonly total_rps: number;
}

export function encodeClusterStats(stats: ClusterStats): string {
  return JSON.stringify(stats);
}

/** `undefined` without node, role and start; a counter that is missing is 0, since a newer process may count more. */
export function decodeClusterStats(json: string): ClusterStats | undefined {
  const fields = parseObject(json);
  const text = (name: string): string | undefined => (typeof fields?.[name] === 'string' ? fields[name] : undefined);
  const number = (name: string): number | undefined =>
    Number.isFinite(fields?.[name]) ? Number(fields?.[name]) : undefined;
  const [node, role, startId] = [text('node'), text('role'), text('start_id')];
  if (node === undefined || role === undefined || startId === undefined) return undefined;
  const appliedPoliciesSeq = number('applied_policies_seq');
  const counters = Object.fromEntries(CLUSTER_COUNTERS.map((name) => [name, number(name) ?? 0]));
  return {
    node,
    role,
    start_id: startId,
    ...(appliedPoliciesSeq !== undefined && { applied_policies_seq: appliedPoliciesSeq }),
    uptime_seconds: number('uptime_seconds') ?? 0,
    total_rps: number('total_rps') ?? 0,
    // `fromEntries` forgets the names that it was just given.
    ...(counters as ClusterCounters),
  };
}

function parseObject(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    // Members of an object that was just parsed; each is looked at before use.
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
