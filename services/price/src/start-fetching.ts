/** T3, put together: what venues are asked by, what spares them, and what it says of itself. */
import type { Clock } from '@weir/clock';
import { createGovernor } from '@weir/governor';
import type { Lifecycle } from '@weir/lifecycle';
import { createProviderQuotas, type ProviderQuotas } from '@weir/limiter';
import { createParameterReader, followParameters } from '@weir/parameters';
import type { Logger, Telemetry } from '@weir/telemetry';
import { createUpstreams } from '@weir/upstream';
import type { Valkey } from '@weir/valkey';
import { createFetchLock } from './fetch-lock.ts';
import { createFetchMetrics } from './fetch-metrics.ts';
import { createPriceFetcher, type PriceFetcher } from './fetch-price.ts';
import { createMarketFinder } from './find-market.ts';
import type { GovernorSource } from './governor-route.ts';
import { createOnDemandAssets, type OnDemandAssets } from './on-demand.ts';
import type { PriceTable } from './price-table.ts';
import type { Feed } from './read-documents.ts';

export interface FetchingParts {
  readonly valkey: Valkey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly lifecycle: Lifecycle;
  readonly table: PriceTable;
  /** How many processes share what the venues allow. */
  readonly liveCallers: () => number;
}

export interface Fetching {
  readonly fetcher: PriceFetcher;
  readonly onDemand: OnDemandAssets;
  readonly quotas: ProviderQuotas;
  readonly governor: GovernorSource;
  /** Follows the documents: sources may say what their venues allow. */
  follow(documents: ReadonlyMap<string, Feed>): void;
}

export function startFetching(parts: FetchingParts): Fetching {
  const { valkey, clock, logger, telemetry, lifecycle, table, liveCallers } = parts;
  const followed = followParameters({ valkey, clock, logger });
  const parameters = createParameterReader(followed, logger);
  const maxConcurrent = (): number => parameters.adaptiveMaxConcurrent();
  const governor = createGovernor({ valkey, clock, logger, telemetry, maxConcurrent });
  const quotas = createProviderQuotas({ valkey, clock, logger, telemetry, livePods: liveCallers });
  const upstreams = createUpstreams({ clock, logger, telemetry, governor, quotas, valkey: valkey.bulk });
  const findMarkets = createMarketFinder(upstreams);
  const onDemand = createOnDemandAssets({ table, findMarkets, clock });
  const metrics = createFetchMetrics(telemetry, () => onDemand.size);
  const lock = createFetchLock(valkey.decide);
  const fetcher = createPriceFetcher({ valkey, lock, table, findMarkets, clock, logger, metrics });
  lifecycle.onStop('fetching', async () => {
    await Promise.all([governor.close(), quotas.close(), followed.close()]);
  });
  let configured: ReadonlySet<string> = new Set();
  return {
    fetcher,
    onDemand,
    quotas,
    governor: { governor, maxConcurrent, client: valkey.bulk, clock, feeds: () => table.feeds.values() },
    follow(documents) {
      for (const name of configured) if (!documents.has(name)) quotas.configureFeed(name, []);
      for (const [name, { sources }] of documents) quotas.configureFeed(name, sources);
      configured = new Set(documents.keys());
    },
  };
}
