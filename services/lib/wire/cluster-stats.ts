/** What every process says of itself every 3 s under `cluster:stats:<node>`; the counters keep the source documents' names. */

export interface ClusterStats {
  readonly node: string;
  readonly role: string;
  /** Random per process start. */
  readonly start_id: string;
  readonly applied_policies_seq: number;
  readonly uptime_seconds: number;
  readonly tcp_requests: number;
  readonly udp_requests: number;
  readonly lrs_requests: number;
  readonly total_rps: number;
  readonly syncmap_hits: number;
  readonly elasticache_hits: number;
  readonly cache_misses: number;
  readonly errors_5xx: number;
  readonly errors_4xx: number;
  readonly rate_limit_hits: number;
  readonly bg_work_dropped: number;
}
