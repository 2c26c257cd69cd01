/** Puts together what talks to one API server. */
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '@weir/clock';
import type { Logger, Telemetry } from '@weir/telemetry';
import { WatchedCaches } from './cache-registry.ts';
import { createClientMetrics } from './client-metrics.ts';
import { TimedFence } from './fence.ts';
import { HttpKubeClient } from './http-kube-client.ts';
import { PooledKubeConfig } from './pooled-kube-config.ts';
import { TokenBucket } from './token-bucket.ts';
import { Transport } from './transport.ts';

export interface KubeConnectionOptions {
  readonly config: KubeConfig;
  /** Whose objects are watched; empty: all. */
  readonly namespaces: readonly string[];
  readonly userAgent: string;
  readonly rate: { readonly perSecond: number; readonly burst: number };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly random: () => number;
}

export interface KubeConnection {
  /** Fenced and limited. */
  readonly client: HttpKubeClient;
  /** For the Lease: never waits, and gives up well before the Lease ends. */
  readonly leaseClient: HttpKubeClient;
  readonly caches: WatchedCaches;
  readonly fence: TimedFence;
  close(): Promise<void>;
}

const LEASE_TIMEOUT_MS = 4_000;

export function connectKube(options: KubeConnectionOptions): KubeConnection {
  const { clock, logger, telemetry, random, namespaces } = options;
  const metrics = createClientMetrics(telemetry);
  const config = new PooledKubeConfig(options.config, clock, options.userAgent);
  const transport = new Transport({ config, clock, metrics });
  const fence = new TimedFence(clock);
  const restarts = (kind: string, how: string) =>
    telemetry.counter('weir.operator.watches_started', {
      description: 'Lists and watches that were begun',
      attributes: { kind, how },
    });
  const caches = new WatchedCaches({
    namespaces,
    transport,
    clock,
    logger,
    random,
    onStart: (kind, how) => restarts(kind, how).add(),
  });
  const client = new HttpKubeClient({
    transport,
    metrics,
    fence,
    bucket: new TokenBucket({ ...options.rate, clock }),
    onWritten: (type, object) => caches.noteWritten(type, object),
  });
  const leaseTransport = new Transport({ config, clock, metrics, pool: 'lease' });
  const leaseClient = new HttpKubeClient({ transport: leaseTransport, metrics, timeoutMs: LEASE_TIMEOUT_MS });
  return { client, leaseClient, caches, fence, close: () => config.close() };
}
