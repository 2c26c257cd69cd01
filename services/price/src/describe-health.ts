/** The body of /health: how this process and the stores it leans on are, from memory. */
import type { Lifecycle } from '@weir/lifecycle';
import type { ProviderQuotas } from '@weir/limiter';
import type { Postgres } from '@weir/postgres';
import type { Valkey } from '@weir/valkey';
import type { PriceTable } from './price-table.ts';

export interface HealthSources {
  readonly valkey: Pick<Valkey, 'status'>;
  readonly postgres: Pick<Postgres, 'healthy'> | undefined;
  readonly lifecycle: Pick<Lifecycle, 'state'>;
  readonly node: string;
  readonly version: string;
  readonly table: PriceTable;
  readonly quotas: Pick<ProviderQuotas, 'health'>;
  readonly ready: () => boolean | string;
}

/** "degraded": requests are served, but a store that some of them need is away. */
export function describeHealth(sources: HealthSources): object {
  const { valkey, postgres, lifecycle, node, version, table } = sources;
  const { connected, lastPingMs } = valkey.status();
  const hasPostgres = postgres?.healthy();
  const { redis, rateLimiting } = sources.quotas.health();
  const isWhole = connected && hasPostgres !== false && sources.ready() === true;
  return {
    status: isWhole ? 'ok' : 'degraded',
    service: 'price',
    node,
    version,
    state: lifecycle.state,
    redis: {
      ...redis,
      connected,
      ...(lastPingMs !== undefined && { last_ping_ms: Math.round(lastPingMs * 100) / 100 }),
    },
    rateLimiting,
    ...(hasPostgres !== undefined && { postgres: { connected: hasPostgres } }),
    feeds: [...table.feeds.values()].map(({ name, slots, isSilent }) => ({
      name,
      pairs: slots.length,
      updates: isSilent ? 'silent' : 'flowing',
    })),
  };
}
