/**
 * Pairs that no feed keeps: fetched when they are asked for, by keys whose policy allows it.
 *
 * A pair gets a slot only if a venue of the feeds lists it, and only so many have one: whatever is asked for, memory and
 * Valkey hold no more than that. A pair that nobody lists costs no I/O.
 */
import type { Clock } from '@weir/clock';
import { DEFAULT_FRESHNESS, formatPair, parsePair, type Freshness, type Pair } from '@weir/wire';
import type { FindMarkets, MarketSearch } from './find-market.ts';
import type { Access } from './policy-directory.ts';
import { newFeed, newSlot, type FeedState, type PriceTable, type Slot } from './price-table.ts';
import { Refusal } from './refusal.ts';
import { within } from './within.ts';

export interface OnDemandAssets {
  /** Its slot, or why there is none. Waits only for a venue's list that nobody has read yet. */
  find(pair: Pair, access: Pick<Access, 'feeds'>): Promise<Slot | Refusal>;
  readonly size: number;
}

export interface OnDemandOptions {
  readonly table: Pick<PriceTable, 'feeds'>;
  readonly findMarkets: FindMarkets;
  readonly clock: Clock;
}

const ON_DEMAND_SLOTS_MAX = 1_000;
const WAIT_MS_MAX = 2_000;
const NOTHING: MarketSearch = { offers: [], isComplete: false };

/** By what the ages of its prices are judged. Of no feed: nothing is declared, published or silent. */
export function createOnDemandFeed(clock: Clock, freshness: Freshness = DEFAULT_FRESHNESS): FeedState {
  const document = {
    feed: 'on-demand',
    suspend: false,
    assets: [],
    quote: '',
    freshness,
    publish: { heartbeatMs: 1_000 },
    sources: [],
    fallback: { enabled: true },
  };
  return newFeed(document, clock.monotonicMs());
}

export function createOnDemandAssets({ table, findMarkets, clock }: OnDemandOptions): OnDemandAssets {
  const feed = createOnDemandFeed(clock);
  /** The one used longest ago first. */
  const slots = new Map<string, Slot>();

  const take = (pair: string): Slot => {
    const slot = slots.get(pair) ?? newSlot(pair, feed, true);
    slots.delete(pair);
    slots.set(pair, slot);
    if (slots.size > ON_DEMAND_SLOTS_MAX) {
      const [oldest = ''] = slots.keys();
      slots.delete(oldest);
    }
    return slot;
  };

  return {
    get size() {
      return slots.size;
    },
    async find(pair, { feeds: allowed }) {
      const feeds = [...table.feeds.values()].filter(({ name }) => allowed === undefined || allowed.has(name));
      const documents = feeds.map(({ document }) => document).filter(({ suspend }) => !suspend);
      const { offers, isComplete } = await within(clock, WAIT_MS_MAX, findMarkets(pair, documents), NOTHING);
      const name = formatPair(pair);
      if (offers.length > 0) return take(name);
      if (isComplete)
        return new Refusal({ code: 'ASSET_UNKNOWN', detail: `No feed carries ${name}, and no venue lists it.` });
      return new Refusal({
        code: 'PRICE_NOT_AVAILABLE',
        detail: `No feed carries ${name}, and the lists of the venues are not known yet.`,
      });
    },
  };
}

/** For what no feed carries, when the policy lets it be asked for; `undefined` when the refusal stands. */
export function findOnDemand(
  onDemand: Pick<OnDemandAssets, 'find'>,
  asset: unknown,
  access: Pick<Access, 'feeds' | 'onDemandAssets'>,
  refusal: Refusal,
): Promise<Slot | Refusal> | undefined {
  if (!access.onDemandAssets || refusal.problem.code !== 'ASSET_UNKNOWN' || typeof asset !== 'string') return undefined;
  const pair = parsePair(asset);
  return pair && onDemand.find(pair, access);
}
