/**
 * T2 and the way on to T3: one GET of `price:<pair>`, which the client pipelines with others. For requests there is never more than one under
 * way for a pair, by the client for what a caller waits for; readings of many pairs at once take the other client, so
 * that their slowness is never taken for that of decisions.
 *
 * MGET is not used: with Cluster its keys would have to share a slot.
 */
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Valkey, ValkeyClient } from '@weir/valkey';
import { decodePriceRecord } from '@weir/wire';
import type { PriceFetcher } from './fetch-price.ts';
import { applyRecord, type Slot } from './price-table.ts';

/** A pair whose price in memory is missing or stale is looked up at most this often. */
const RECHECK_INTERVAL_MS = 250;

export interface PriceReader {
  /** One of many: looks into Valkey and keeps what is newer; false when Valkey does not answer. Never rejects. */
  read(slot: Slot): Promise<boolean>;
  /**
   * What a request must wait for before it is answered from memory: nothing when memory is current, or when Valkey was
   * asked a moment ago. Resolves to whether a venue was asked for those who wait, and has said a price.
   */
  check(slot: Slot, ageMs: number): Promise<boolean> | undefined;
  /** As `check`, for those who do not wait for a venue: it is asked all the same, for whoever asks again. */
  glance(slot: Slot, ageMs: number): Promise<boolean> | undefined;
  /** Whether `check` may ask a venue. */
  mayFetch(slot: Slot, ageMs: number): boolean;
}

type Reading = Pick<ValkeyClient, 'get'>;

export interface PriceReaderOptions {
  readonly valkey: Pick<Valkey, 'serverTimeMs'> & Readonly<Record<'decide' | 'bulk', Reading>>;
  /** T3. */
  readonly fetcher: PriceFetcher;
  readonly clock: Clock;
}

export function createPriceReader({ valkey, fetcher, clock }: PriceReaderOptions): PriceReader {
  const pending = new Map<string, Promise<boolean>>();

  const fetch = async (slot: Slot, client: Reading): Promise<boolean> => {
    try {
      const json = await client.get(keyspace.price.key({ pair: slot.pair }));
      const record = json === null ? undefined : decodePriceRecord(json);
      if (record !== undefined) applyRecord(slot, record, valkey.serverTimeMs());
      return true;
    } catch {
      return false;
    }
  };

  const readForRequest = (slot: Slot): Promise<boolean> => {
    slot.checkedMs = clock.monotonicMs();
    const reading = fetch(slot, valkey.decide)
      .then(() => false)
      .finally(() => pending.delete(slot.pair));
    pending.set(slot.pair, reading);
    return reading;
  };

  const lookUp = (slot: Slot, ageMs: number): Promise<boolean> | undefined => {
    const { feed } = slot;
    if (ageMs <= feed.document.freshness.staleMs && !feed.isSilent) return undefined;
    const reading = pending.get(slot.pair);
    if (reading !== undefined) return reading;
    return clock.monotonicMs() - slot.checkedMs < RECHECK_INTERVAL_MS ? undefined : readForRequest(slot);
  };

  return {
    read: (slot) => fetch(slot, valkey.bulk),
    check(slot, ageMs) {
      const { feed } = slot;
      if (ageMs <= feed.document.freshness.freshMs && !feed.isSilent) return undefined;
      const fetching = fetcher.isDue(slot, ageMs) ? fetcher.fetch(slot) : undefined;
      return fetching ?? lookUp(slot, ageMs);
    },
    glance(slot, ageMs) {
      const { feed } = slot;
      if (ageMs <= feed.document.freshness.freshMs && !feed.isSilent) return undefined;
      if (fetcher.isDue(slot, ageMs)) void fetcher.fetch(slot);
      return lookUp(slot, ageMs);
    },
    mayFetch: (slot, ageMs) => fetcher.isDue(slot, ageMs),
  };
}
