/** T3, put together: what venues are asked by, what spares them, and what it says of itself. */
import type { Clock } from '@weir/clock';
import { createGovernor, type Governor } from '@weir/governor';
import type { Lifecycle } from '@weir/lifecycle';
import { createProviderQuotas, type ProviderQuotas } from '@weir/limiter';
import { createParameterReader, followParameters, type ParameterReader } from '@weir/parameters';
import type { Logger, Telemetry } from '@weir/telemetry';
import { createUpstreams, quotaOfSource, type Upstreams } from '@weir/upstream';
import type { Valkey } from '@weir/valkey';
import { createFetchLock } from './fetch-lock.ts';
import { createFetchMetrics } from './fetch-metrics.ts';
import { createPriceFetcher, type PriceFetcher } from './fetch-price.ts';
import { createMarketFinder } from './find-market.ts';
import type { GovernorSource } from './governor-route.ts';
import { createOnDemandAssets, type OnDemandAssets } from './on-demand.ts';
import type { PriceTable, Slot } from './price-table.ts';
import type { Feed } from './read-documents.ts';
import { createUsdtSlot } from './usdt-slot.ts';

/** What all that ask venues from one process share: venues limit by address. */
export interface SharedUpstreams {
  readonly governor: Governor;
  readonly quotas: ProviderQuotas;
  readonly parameters: Pick<ParameterReader, 'adaptiveMaxConcurrent'>;
  readonly upstreams: Upstreams;
}

export interface FetchingParts {
  readonly valkey: Valkey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly lifecycle: Lifecycle;
  readonly table: PriceTable;
  /** How many processes share what the venues allow. */
  readonly liveCallers: () => number;
  /** Those of a process that has them already, and closes them; absent: its own. */
  readonly shared?: SharedUpstreams | undefined;
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
  const { valkey, clock, logger, telemetry, table } = parts;
  const { governor, quotas, parameters, upstreams } = parts.shared ?? createOwn(parts);
  const maxConcurrent = (): number => parameters.adaptiveMaxConcurrent();
  const findMarkets = createMarketFinder(upstreams);
  const onDemand = createOnDemandAssets({ table, findMarkets, clock });
  const metrics = createFetchMetrics(telemetry, () => onDemand.size);
  const usdtSlot = createUsdtSlot(table, clock);
  const lock = createFetchLock(valkey.bulk);
  const keep = (slot: Slot): void => onDemand.keep(slot);
  const fetcher = createPriceFetcher({ valkey, lock, table, findMarkets, keep, usdtSlot, clock, logger, metrics });
  let configured: ReadonlySet<string> = new Set();
  return {
    fetcher,
    onDemand,
    quotas,
    governor: {
      governor,
      maxConcurrent,
      client: valkey.bulk,
      clock,
      serverTimeMs: () => valkey.serverTimeMs(),
      feeds: () => table.feeds.values(),
    },
    follow(documents) {
      for (const name of configured) if (!documents.has(name)) quotas.configureFeed(ownerOf(name), []);
      for (const [name, { sources }] of documents) quotas.configureFeed(ownerOf(name), sources.map(quotaOfSource));
      configured = new Set(documents.keys());
    },
  };
}

/** A feed of this process may say the same, and take it back when it is suspended. */
const ownerOf = (feed: string): string => `prices of ${feed}`;

function createOwn({ valkey, clock, logger, telemetry, lifecycle, liveCallers }: FetchingParts): SharedUpstreams {
  const followed = followParameters({ valkey, clock, logger });
  const parameters = createParameterReader(followed, logger);
  const maxConcurrent = (): number => parameters.adaptiveMaxConcurrent();
  const governor = createGovernor({ valkey, clock, logger, telemetry, maxConcurrent });
  const quotas = createProviderQuotas({ valkey, clock, logger, telemetry, livePods: liveCallers });
  lifecycle.onStop('fetching', async () => {
    await Promise.all([governor.close(), quotas.close(), followed.close()]);
  });
  const upstreams = createUpstreams({ clock, logger, telemetry, governor, quotas, valkey: valkey.bulk });
  return { governor, quotas, parameters, upstreams };
}
