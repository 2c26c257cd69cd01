/**
 * One quota per upstream, shared by all processes that call it.
 *
 * What a process holds on lease it spends without asking; for the rest Valkey decides. `provider-gate.ts` does it for
 * one provider; here are all of them, what is configured for them, and what a process tells of them.
 */
import type { Clock } from '@weir/clock';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import { randomName } from './holder-name.ts';
import { createProviderGate, type ProviderGate } from './provider-gate.ts';
import { createInfoCache, describeProviders, type ProviderHealth } from './provider-health.ts';
import { createProviderMetrics } from './provider-metrics.ts';
import { createQuotaRegister } from './quota-register.ts';

export interface ProviderQuota {
  readonly points: number;
  readonly durationMs: number;
  /** Smooth: never more than `points` in any span of `durationMs`, however the provider counts. Fixed: all points anew in each window. */
  readonly window: 'Smooth' | 'Fixed';
}

export interface ConsumeOptions {
  /** background leaves a reserve to interactive; default interactive. */
  readonly class?: 'interactive' | 'background';
  /** How long the caller will wait in the local queue; 0 or absent: not at all. */
  readonly waitMsMax?: number;
}

export type Consumption =
  | {
      readonly admitted: true;
      readonly basis: 'cluster' | 'local';
      /** To be called once when the call has ended; it only counts. */
      done(): void;
    }
  | { readonly admitted: false; readonly basis: 'cluster' | 'local'; readonly retryAfterMs: number };

/** A source of a feed, as far as it says what its exchange allows. */
export interface QuotaSource {
  readonly exchange: string;
  readonly quota?: ProviderQuota;
}

export interface ProviderQuotas {
  /** Several quotas for one provider: the one with fewest points per time holds. Each owner has one; `undefined` takes it back. */
  configure(provider: string, quota: ProviderQuota | undefined, owner?: string): void;
  /** All that a feed says of its exchanges, instead of what it said before; none for a feed that is gone. */
  configureFeed(feed: string, sources: readonly QuotaSource[]): void;
  /** Never rejects. */
  tryConsume(provider: string, scope: 'global', points: number, options?: ConsumeOptions): Promise<Consumption>;
  /** The provider has said 429: nobody in the cluster calls it for so long, an hour at most. */
  block(provider: string, forMs: number): Promise<void>;
  /** The quota is whole again and nobody is blocked; what others hold on lease may be spent besides. */
  reset(provider: string): Promise<void>;
  /** From memory; what Valkey says of itself is read again at most every 10 s. */
  health(): ProviderHealth;
  /** Refuses those who wait and hands the leases back. */
  close(): Promise<void>;
}

export interface ProviderQuotasOptions {
  readonly valkey: {
    readonly decide: Pick<ValkeyClient, 'run' | 'call' | 'health' | 'onFailover'>;
    readonly bulk: Pick<ValkeyClient, 'call'>;
  };
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'counter' | 'gauge'>;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How many processes call upstreams; while Valkey is away the last number known. */
  livePods(): number;
  readonly random?: () => number;
}

export function createProviderQuotas(options: ProviderQuotasOptions): ProviderQuotas {
  const { valkey, clock, telemetry, logger, random = Math.random } = options;
  const { decide } = valkey;
  const gates = new Map<string, ProviderGate>();
  const register = createQuotaRegister();
  const metrics = createProviderMetrics(telemetry, () => [...gates.values()]);
  const holder = randomName(random);
  const livePods = (): number => options.livePods();
  const info = createInfoCache(valkey.bulk, clock);
  const stopListening = decide.onFailover(() => {
    for (const gate of gates.values()) gate.relearn();
  });
  let isClosed = false;

  const gateOf = (provider: string): ProviderGate => {
    let gate = gates.get(provider);
    if (gate === undefined) {
      const quota = () => register.of(provider);
      const own = { provider, quota, holder, metrics: metrics.of(provider) };
      gate = createProviderGate({ ...own, decide, clock, logger, random, livePods });
      gates.set(provider, gate);
    }
    return gate;
  };

  return {
    configure(provider, quota, owner = '') {
      register.set(owner, provider, quota);
    },
    configureFeed(feed, sources) {
      register.replace(feed, sources);
    },
    tryConsume(provider, _scope, points, { class: requestClass = 'interactive', waitMsMax = 0 } = {}) {
      if (isClosed) return Promise.resolve({ admitted: false, basis: 'local', retryAfterMs: CLOSED_RETRY_MS });
      return gateOf(provider).consume(Math.max(1, Math.ceil(points)), requestClass, waitMsMax);
    },
    block: (provider, forMs) => gateOf(provider).block(forMs),
    reset: (provider) => gateOf(provider).reset(),
    health: () => describeProviders(decide.health === 'closed', info.read(), gates.values()),
    async close() {
      isClosed = true;
      stopListening();
      await Promise.all([...gates.values()].map((gate) => gate.close()));
    },
  };
}

const CLOSED_RETRY_MS = 1_000;
