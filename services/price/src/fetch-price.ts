/**
 * T3: a price that neither memory nor Valkey has, fetched from a venue while somebody waits.
 *
 * One fetch at a time in the cluster for a pair: the first of a process's requests goes for the lock, the others wait for
 * it; other processes look into Valkey until the price is there. Nobody waits longer than 2 s; whoever has waited in vain is
 * answered with what there is, and so is at once whoever finds as many fetches under way in the process as may be. Without
 * Valkey each process fetches for itself, once in 2 s at most for a pair.
 */
import { sleep, type Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import type { FetchedPrice, FetchRefusal } from '@weir/upstream';
import { storeNewerRecord, type Valkey } from '@weir/valkey';
import {
  encodePriceRecord,
  formatDecimal,
  parsePair,
  type DollarRate,
  type Pair,
  type PriceRecord,
  type SourceValue,
} from '@weir/wire';
import { askVenues, askWhenFree } from './ask-venues.ts';
import type { FetchLock, FetchSight } from './fetch-lock.ts';
import { valueOfFetched } from './fetched-value.ts';
import type { FindMarkets, MarketSearch, Offer } from './find-market.ts';
import type { FetchMetrics } from './fetch-metrics.ts';
import { applyRecord, type FeedState, type PriceTable, type Slot } from './price-table.ts';
import { ageMsOf } from './render-price.ts';
import { rateIn } from './usdt-slot.ts';
import { createVenueOrder, type VenueOrder } from './venue-order.ts';
import { within } from './within.ts';

export interface PriceFetcher {
  /** Whether a price of that age is worth a fetch, and one may be tried now. */
  isDue(slot: Slot, ageMs: number): boolean;
  /**
   * Resolves to whether the slot now holds a price that was fetched for those who wait; nothing when too many are being
   * fetched to wait for one more. Never rejects.
   */
  fetch(slot: Slot): Promise<boolean> | undefined;
}

export interface PriceFetcherOptions {
  readonly valkey: Pick<Valkey, 'serverTimeMs'> & { readonly bulk: Pick<Valkey['bulk'], 'run'> };
  readonly lock: FetchLock;
  readonly table: Pick<PriceTable, 'feeds'>;
  readonly findMarkets: FindMarkets;
  /** Called with a slot of a pair on demand when its fetch is paid for and begins. */
  readonly keep: (slot: Slot) => void;
  /** That of USDT in dollars. */
  readonly usdtSlot: () => Slot;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'error'>;
  readonly metrics: FetchMetrics;
}

/** Of a request for T3; also how long one process alone leaves a pair in peace. */
const WAIT_MS_MAX = 2_000;
/** From the beginning of a fetch to the last answer that counts: before the lock ends, and before those who wait go. */
const ASK_MS_MAX = 1_800;
/** Under way at once in one process. */
const FETCHES_MAX = 64;
const POLL_MS_MIN = 100;
const POLL_MS_MAX = 400;
const POLL_GROWTH = 1.5;
/** No venue knows the pair: see `fetch:none`. */
const UNKNOWN_MS = 5_000;
/** Venues know it and could not say: sooner worth another try. */
const FAILED_MS = 1_000;
/** As the feed's records: prices outlive a venue's outage. */
const RECORD_TTL_MS = 600_000;

interface Told {
  readonly offer: Offer;
  readonly price: FetchedPrice;
  readonly value: SourceValue;
}

/** A price, or how long nobody need ask again. */
type Asked = Told | { readonly restMs: number };

const NO_LISTS: MarketSearch = { offers: [], isComplete: false };

class TierThree implements PriceFetcher {
  readonly #options: PriceFetcherOptions;
  readonly #order: VenueOrder;
  readonly #pending = new Map<Slot, Promise<boolean>>();

  constructor(options: PriceFetcherOptions) {
    this.#options = options;
    this.#order = createVenueOrder(options.clock);
  }

  isDue(slot: Slot, ageMs: number): boolean {
    if (ageMs <= keptMs(slot)) return false;
    const { suspend, fallback } = slot.feed.document;
    return !suspend && fallback.enabled && this.#options.clock.monotonicMs() >= slot.fetchFromMs;
  }

  fetch(slot: Slot): Promise<boolean> | undefined {
    const known = this.#pending.get(slot);
    if (known !== undefined) return known;
    if (slot.isOnDemand) this.#options.keep(slot);
    if (this.#pending.size < FETCHES_MAX) return this.#begin(slot);
    this.#options.metrics.busy.add();
    return undefined;
  }

  #begin(slot: Slot): Promise<boolean> {
    const startMs = this.#options.clock.monotonicMs();
    const work = this.#run(slot, startMs)
      .catch((err: unknown) => {
        this.#options.logger.error({ err, pair: slot.pair }, 'a price could not be fetched');
        return false;
      })
      .finally(() => this.#pending.delete(slot));
    const bounded = within(this.#options.clock, WAIT_MS_MAX, work, false);
    this.#pending.set(slot, bounded);
    return bounded;
  }

  async #run(slot: Slot, startMs: number): Promise<boolean> {
    const { lock, metrics } = this.#options;
    const sight = await lock.look(slot.pair).catch(() => undefined);
    if (sight !== undefined && !this.#isOpen(slot, sight)) return false;
    const taken = sight && (await lock.take(slot.pair).catch(() => undefined));
    if (taken === undefined) return this.#runAlone(slot, startMs);
    const { record, token } = taken;
    try {
      if (!this.#isOpen(slot, { record, isNone: false })) return false;
      if (token === undefined) {
        metrics.waited.add();
        await this.#waitForOther(slot, startMs);
        return false;
      }
      const asked = await this.#ask(slot, startMs);
      if ('price' in asked) return await this.#keep(slot, asked);
      this.#rest(slot, asked.restMs);
      if (slot.feeds === undefined) await lock.markNone(slot.pair, asked.restMs);
      return false;
    } finally {
      if (token !== undefined) await lock.release(slot.pair, token);
    }
  }

  /** Nobody can be asked whether another is at it, and nothing can be stored. */
  async #runAlone(slot: Slot, startMs: number): Promise<boolean> {
    this.#rest(slot, WAIT_MS_MAX);
    const asked = await this.#ask(slot, startMs);
    return 'price' in asked && applyRecord(slot, this.#recordOf(slot, asked), this.#options.valkey.serverTimeMs());
  }

  /** Takes over what Valkey holds; whether there is still something to fetch. */
  #isOpen(slot: Slot, { record, isNone }: FetchSight): boolean {
    const { valkey } = this.#options;
    if (record !== undefined) applyRecord(slot, record, valkey.serverTimeMs());
    if (ageMsOf(slot, valkey.serverTimeMs()) <= keptMs(slot)) return false;
    // Whoever may ask only some of the venues learns nothing from those who asked others.
    if (!isNone || slot.feeds !== undefined) return true;
    this.#rest(slot, FAILED_MS);
    return false;
  }

  async #waitForOther(slot: Slot, startMs: number): Promise<void> {
    const { clock, lock } = this.#options;
    const endMs = startMs + WAIT_MS_MAX;
    for (let pollMs = POLL_MS_MIN; clock.monotonicMs() < endMs; pollMs = Math.min(POLL_MS_MAX, pollMs * POLL_GROWTH)) {
      await sleep(clock, Math.min(pollMs, endMs - clock.monotonicMs()));
      const sight = await lock.look(slot.pair).catch(() => undefined);
      if (sight === undefined || !this.#isOpen(slot, sight)) return;
    }
  }

  /** Until a venue says a price or the time is up. */
  async #ask(slot: Slot, startMs: number): Promise<Asked> {
    const { clock, table, findMarkets, metrics } = this.#options;
    const leftMs = (): number => Math.max(0, startMs + ASK_MS_MAX - clock.monotonicMs());
    const documents = feedsOf(slot, table).flatMap(({ document }) => (document.suspend ? [] : [document]));
    const search = await within(clock, leftMs(), findMarkets(pairOf(slot), documents), NO_LISTS);
    let known = search.offers.length;
    const ask = async (offer: Offer): Promise<Told | undefined> => {
      const told = await this.#askOne(slot, offer, startMs + ASK_MS_MAX);
      if (told === 'unknown') known -= 1;
      return typeof told === 'object' ? told : undefined;
    };
    const offers = this.#order.arrange(slot, search.offers);
    const { told, passed } = await askVenues({ offers, ask, clock, timeMs: leftMs() });
    this.#order.note(slot, passed, told?.offer.venue);
    const isUnknown = search.isComplete && known === 0;
    (told !== undefined ? metrics.fetched : isUnknown ? metrics.unknown : metrics.failed).add();
    return told ?? { restMs: isUnknown ? UNKNOWN_MS : FAILED_MS };
  }

  /** `unknown`: the venue has no such market; `undefined`: it could not say. */
  async #askOne(slot: Slot, offer: Offer, endMs: number): Promise<Told | 'unknown' | undefined> {
    const { valkey, logger } = this.#options;
    // What nobody can convert need not be asked for; nor does it say that the pair is unknown.
    const rate = offer.isConverted ? await this.#usdtRate() : undefined;
    const outcome =
      offer.isConverted && rate === undefined ? NO_RATE : await askWhenFree(offer, this.#options.clock, endMs);
    const value = outcome.kind === 'ok' ? valueOfFetched(outcome.value, valkey.serverTimeMs(), rate) : undefined;
    if (outcome.kind === 'ok' && value !== undefined) return { offer, price: outcome.value, value };
    const { cause, reason } = outcome.kind === 'refused' ? outcome : NO_PRICE;
    logger.debug({ pair: slot.pair, venue: offer.venue, cause, reason }, 'a venue could not be asked for a price');
    return cause === 'unknown' ? 'unknown' : undefined;
  }

  /** As feeds have it: the rate that is known, up to a minute old; never from anything but USDT in dollars itself. */
  async #usdtRate(): Promise<DollarRate | undefined> {
    const { clock, usdtSlot, valkey } = this.#options;
    const slot = usdtSlot();
    const known = rateIn(slot, valkey.serverTimeMs());
    if (known !== undefined || clock.monotonicMs() < slot.fetchFromMs) return known;
    await (this.#pending.get(slot) ?? this.#begin(slot));
    return rateIn(slot, valkey.serverTimeMs());
  }

  async #keep(slot: Slot, told: Told): Promise<boolean> {
    const { valkey, lock } = this.#options;
    const serverNowMs = valkey.serverTimeMs();
    const aliveFrom = new Date(serverNowMs - keptMs(slot)).toISOString();
    let record = this.#recordOf(slot, told);
    for (const isRetry of [false, true]) {
      const json = encodePriceRecord(record, serverNowMs, slot.feed.document.freshness);
      const args = [json, record.seq, RECORD_TTL_MS, aliveFrom];
      // What cannot be stored serves this process all the same.
      const reply = await valkey.bulk
        .run(storeNewerRecord, [keyspace.price.key({ pair: slot.pair })], args)
        .catch(() => 0);
      if (reply === 0) break;
      if (reply === -1 || isRetry) {
        // A feed, or another process, was faster.
        const sight = await lock.look(slot.pair).catch(() => undefined);
        if (sight?.record !== undefined) applyRecord(slot, sight.record, serverNowMs);
        return false;
      }
      record = { ...record, seq: Number(reply) + 1 };
    }
    return applyRecord(slot, record, serverNowMs);
  }

  #recordOf(slot: Slot, { offer, price, value }: Told): PriceRecord {
    const { valkey, clock } = this.#options;
    const serverNowMs = valkey.serverTimeMs();
    const ageMs = Math.max(0, clock.monotonicMs() - price.confirmedMonotonicMs);
    const source = `${offer.venue}-rest`;
    return {
      ...pairOf(slot),
      priceText: formatDecimal(value.price),
      confirmedAtMs: Math.round(serverNowMs - ageMs),
      source,
      sources: [source],
      latencyMs: Math.round(ageMs),
      confidenceText: formatDecimal(value.halfSpread),
      flags: ['single', 'fetched'],
      seq: Math.max((slot.record?.seq ?? 0) + 1, Math.floor(serverNowMs * 1_000)),
    };
  }

  #rest(slot: Slot, forMs: number): void {
    slot.fetchFromMs = this.#options.clock.monotonicMs() + forMs;
  }
}

const NO_RATE: FetchRefusal = { kind: 'refused', cause: 'failed', reason: 'USDT has no usable rate in dollars' };
const NO_PRICE: FetchRefusal = { kind: 'refused', cause: 'failed', reason: 'the venue said no price' };

/** Whose venues may be asked: a declared pair is its feed's. */
function feedsOf(
  { isOnDemand, feed, feeds: allowed }: Slot,
  { feeds }: Pick<PriceTable, 'feeds'>,
): readonly FeedState[] {
  if (!isOnDemand) return [feed];
  return [...feeds.values()].filter(({ name }) => allowed === undefined || allowed.has(name));
}

/** Up to which age a price is as good as can be had: a declared pair has its feed, others are fetched for whoever asks. */
function keptMs({ isOnDemand, feed }: Slot): number {
  const { freshMs, deadMs } = feed.document.freshness;
  return isOnDemand ? freshMs : deadMs;
}

/** A slot's name is that of a pair. */
function pairOf({ pair }: Slot): Pair {
  return parsePair(pair) ?? { asset: pair, quote: '' };
}

export function createPriceFetcher(options: PriceFetcherOptions): PriceFetcher {
  return new TierThree(options);
}
