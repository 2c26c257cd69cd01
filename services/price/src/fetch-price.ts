/**
 * T3: a price that neither memory nor Valkey has, fetched from a venue while somebody waits.
 *
 * One fetch at a time in the cluster for a pair: the first of a process's requests goes for the lock, the others wait for
 * it; other processes look into Valkey until the price is there. Nobody waits longer than 2 s; whoever has waited in vain is
 * answered with what there is. Without Valkey each process fetches for itself, once in 2 s at most for a pair.
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
import type { FetchLock, FetchSight } from './fetch-lock.ts';
import { valueOfFetched } from './fetched-value.ts';
import type { FindMarkets, Offer } from './find-market.ts';
import type { FetchMetrics } from './fetch-metrics.ts';
import { applyRecord, type PriceTable, type Slot } from './price-table.ts';
import { ageMsOf } from './render-price.ts';
import { rateIn } from './usdt-slot.ts';
import { within } from './within.ts';

export interface PriceFetcher {
  /** Whether a price of that age is worth a fetch, and one may be tried now. */
  isDue(slot: Slot, ageMs: number): boolean;
  /** Resolves to whether the slot now holds a price that was fetched for those who wait. Never rejects. */
  fetch(slot: Slot): Promise<boolean>;
}

export interface PriceFetcherOptions {
  readonly valkey: Pick<Valkey, 'serverTimeMs'> & { readonly bulk: Pick<Valkey['bulk'], 'run'> };
  readonly lock: FetchLock;
  readonly table: Pick<PriceTable, 'feeds'>;
  readonly findMarkets: FindMarkets;
  /** That of USDT in dollars. */
  readonly usdtSlot: () => Slot;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'error'>;
  readonly metrics: FetchMetrics;
}

/** Of a request for T3; also how long one process alone leaves a pair in peace. */
const WAIT_MS_MAX = 2_000;
const POLL_MS = 100;
/** No venue knows the pair: see `fetch:none`. */
const UNKNOWN_MS = 5_000;
/** Venues know it and could not say: sooner worth another try. */
const FAILED_MS = 1_000;
/** As the feed's records: prices outlive a venue's outage. */
const RECORD_TTL_MS = 600_000;

type Asked =
  | { readonly kind: 'price'; readonly offer: Offer; readonly price: FetchedPrice; readonly value: SourceValue }
  | { readonly kind: 'none'; readonly forMs: number };

class TierThree implements PriceFetcher {
  readonly #options: PriceFetcherOptions;
  readonly #pending = new Map<string, Promise<boolean>>();

  constructor(options: PriceFetcherOptions) {
    this.#options = options;
  }

  isDue(slot: Slot, ageMs: number): boolean {
    if (ageMs <= keptMs(slot)) return false;
    const { suspend, fallback } = slot.feed.document;
    return !suspend && fallback.enabled && this.#options.clock.monotonicMs() >= slot.fetchFromMs;
  }

  fetch(slot: Slot): Promise<boolean> {
    const known = this.#pending.get(slot.pair);
    if (known !== undefined) return known;
    const work = this.#run(slot)
      .catch((err: unknown) => {
        this.#options.logger.error({ err, pair: slot.pair }, 'a price could not be fetched');
        return false;
      })
      .finally(() => this.#pending.delete(slot.pair));
    const bounded = within(this.#options.clock, WAIT_MS_MAX, work, false);
    this.#pending.set(slot.pair, bounded);
    return bounded;
  }

  async #run(slot: Slot): Promise<boolean> {
    const { lock, metrics } = this.#options;
    const sight = await lock.take(slot.pair).catch(() => undefined);
    if (sight === undefined) return this.#runAlone(slot);
    const { token } = sight;
    try {
      if (!this.#isOpen(slot, sight)) return false;
      if (token === undefined) {
        metrics.waited.add();
        await this.#waitForOther(slot);
        return false;
      }
      const asked = await this.#ask(slot);
      if (asked.kind === 'price') return await this.#keep(slot, asked);
      this.#rest(slot, asked.forMs);
      await lock.markNone(slot.pair, asked.forMs);
      return false;
    } finally {
      if (token !== undefined) await lock.release(slot.pair, token);
    }
  }

  /** Nobody can be asked whether another is at it, and nothing can be stored. */
  async #runAlone(slot: Slot): Promise<boolean> {
    this.#rest(slot, WAIT_MS_MAX);
    const asked = await this.#ask(slot);
    if (asked.kind === 'none') return false;
    return applyRecord(slot, this.#recordOf(slot, asked), this.#options.valkey.serverTimeMs());
  }

  /** Takes over what Valkey holds; whether there is still something to fetch. */
  #isOpen(slot: Slot, { record, isNone }: FetchSight): boolean {
    const { valkey } = this.#options;
    if (record !== undefined) applyRecord(slot, record, valkey.serverTimeMs());
    if (ageMsOf(slot, valkey.serverTimeMs()) <= keptMs(slot)) return false;
    if (isNone) this.#rest(slot, FAILED_MS);
    return !isNone;
  }

  async #waitForOther(slot: Slot): Promise<void> {
    const { clock, lock } = this.#options;
    const endMs = clock.monotonicMs() + WAIT_MS_MAX;
    while (clock.monotonicMs() < endMs) {
      await sleep(clock, POLL_MS);
      const sight = await lock.look(slot.pair).catch(() => undefined);
      if (sight === undefined || !this.#isOpen(slot, sight) || !sight.isLocked) return;
    }
  }

  /** Venue by venue, until one says a price or the time is up. */
  async #ask(slot: Slot): Promise<Asked> {
    const { clock, table, findMarkets, metrics, valkey } = this.#options;
    const endMs = clock.monotonicMs() + WAIT_MS_MAX;
    const feeds = slot.isOnDemand ? [...table.feeds.values()] : [slot.feed];
    const documents = feeds.map(({ document }) => document).filter(({ suspend }) => !suspend);
    const { offers, isComplete } = await findMarkets(pairOf(slot), documents);
    let isUnknown = isComplete;
    for (const offer of offers) {
      if (clock.monotonicMs() >= endMs) break;
      // What nobody can convert need not be asked for; nor does it say that the pair is unknown.
      const rate = offer.isConverted ? await this.#usdtRate() : undefined;
      const outcome = offer.isConverted && rate === undefined ? NO_RATE : await offer.fetcher.one(offer.instrument);
      const value = outcome.kind === 'ok' ? valueOfFetched(outcome.value, valkey.serverTimeMs(), rate) : undefined;
      if (outcome.kind === 'ok' && value !== undefined) {
        metrics.fetched.add();
        return { kind: 'price', offer, price: outcome.value, value };
      }
      isUnknown &&= outcome.kind === 'refused' && outcome.cause === 'unknown';
      this.#note(slot, offer, outcome.kind === 'refused' ? outcome : undefined);
    }
    (isUnknown ? metrics.unknown : metrics.failed).add();
    return { kind: 'none', forMs: isUnknown ? UNKNOWN_MS : FAILED_MS };
  }

  /** As feeds have it: the rate that is known, up to a minute old; never from anything but USDT in dollars itself. */
  async #usdtRate(): Promise<DollarRate | undefined> {
    const { clock, usdtSlot, valkey } = this.#options;
    const slot = usdtSlot();
    const known = rateIn(slot, valkey.serverTimeMs());
    if (known !== undefined || clock.monotonicMs() < slot.fetchFromMs) return known;
    await this.fetch(slot);
    return rateIn(slot, valkey.serverTimeMs());
  }

  async #keep(slot: Slot, asked: Extract<Asked, { kind: 'price' }>): Promise<boolean> {
    const { valkey, lock } = this.#options;
    const serverNowMs = valkey.serverTimeMs();
    const aliveFrom = new Date(serverNowMs - keptMs(slot)).toISOString();
    let record = this.#recordOf(slot, asked);
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

  #recordOf(slot: Slot, { offer, price, value }: Extract<Asked, { kind: 'price' }>): PriceRecord {
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

  #note({ pair }: Slot, { venue }: Offer, refusal: FetchRefusal | undefined): void {
    const why = { cause: refusal?.cause ?? 'failed', reason: refusal?.reason ?? 'the venue said no price' };
    this.#options.logger.debug({ pair, venue, ...why }, 'a venue could not be asked for a price');
  }
}

const NO_RATE: FetchRefusal = { kind: 'refused', cause: 'failed', reason: 'USDT has no usable rate in dollars' };

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
