/**
 * Pairs that no feed keeps: fetched when they are asked for, by keys whose policy allows it.
 *
 * A pair gets a slot only if a venue of the feeds lists it, and only so many have one: whatever is asked for, memory and
 * Valkey hold no more than that. A pair that nobody lists costs no I/O. Keys that may use different feeds have slots of
 * their own, since different venues are asked for them. Who has not paid yet takes no place from those who have.
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
  /** It has been paid for. */
  keep(slot: Slot): void;
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
  const kept = new Map<string, Slot>();
  const unpaid = new Map<string, Slot>();

  const take = (pair: string, feeds: ReadonlySet<string> | undefined): Slot => {
    const name = nameOf(pair, feeds);
    const known = kept.get(name);
    const slot = known ?? unpaid.get(name) ?? newSlot(pair, feed, true, feeds);
    use(known === undefined ? unpaid : kept, name, slot);
    return slot;
  };

  return {
    get size() {
      return kept.size;
    },
    keep(slot) {
      const name = nameOf(slot.pair, slot.feeds);
      unpaid.delete(name);
      use(kept, name, slot);
    },
    async find(pair, { feeds: allowed }) {
      const feeds = [...table.feeds.values()].filter(({ name }) => allowed === undefined || allowed.has(name));
      const documents = feeds.map(({ document }) => document).filter(({ suspend }) => !suspend);
      const { offers, isComplete } = await within(clock, WAIT_MS_MAX, findMarkets(pair, documents), NOTHING);
      const name = formatPair(pair);
      if (offers.length > 0) return take(name, allowed);
      if (isComplete)
        return new Refusal({ code: 'ASSET_UNKNOWN', detail: `No feed carries ${name}, and no venue lists it.` });
      return new Refusal({
        code: 'PRICE_NOT_AVAILABLE',
        detail: `No feed carries ${name}, and the lists of the venues are not known yet.`,
      });
    },
  };
}

/** The one used longest ago comes first, and goes when there are too many. */
function use(slots: Map<string, Slot>, name: string, slot: Slot): void {
  slots.delete(name);
  slots.set(name, slot);
  if (slots.size <= ON_DEMAND_SLOTS_MAX) return;
  const [oldest = ''] = slots.keys();
  slots.delete(oldest);
}

function nameOf(pair: string, feeds: ReadonlySet<string> | undefined): string {
  return feeds === undefined ? pair : [pair, ...[...feeds].toSorted()].join(' ');
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
