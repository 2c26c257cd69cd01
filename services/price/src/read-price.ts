/**
 * T2: one GET of `price:<pair>`, which the client pipelines with others, and never more than one under way for a pair.
 *
 * MGET is not used: with Cluster its keys would have to share a slot.
 */
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Valkey } from '@weir/valkey';
import { decodePriceRecord } from '@weir/wire';
import type { PriceTable, Slot } from './price-table.ts';

/** A pair whose price in memory is missing or stale is looked up at most this often. */
const RECHECK_INTERVAL_MS = 250;

export interface PriceReader {
  /** Looks into Valkey and keeps what is newer; false when Valkey does not answer. Never rejects. */
  read(slot: Slot): Promise<boolean>;
  /**
   * What a request must wait for before it is answered from memory: nothing when memory is current, or when Valkey was
   * asked a moment ago.
   */
  check(slot: Slot, ageMs: number): Promise<boolean> | undefined;
}

export interface PriceReaderOptions {
  readonly valkey: Pick<Valkey, 'decide' | 'serverTimeMs'>;
  readonly table: PriceTable;
  readonly clock: Clock;
}

export function createPriceReader({ valkey, table, clock }: PriceReaderOptions): PriceReader {
  const pending = new Map<string, Promise<boolean>>();

  const fetch = async (slot: Slot): Promise<boolean> => {
    try {
      const json = await valkey.decide.get(keyspace.price.key({ pair: slot.pair }));
      const record = json === null ? undefined : decodePriceRecord(json);
      if (record !== undefined) table.apply(record, valkey.serverTimeMs());
      return true;
    } catch {
      return false;
    } finally {
      pending.delete(slot.pair);
    }
  };

  const read = (slot: Slot): Promise<boolean> => {
    const known = pending.get(slot.pair);
    if (known !== undefined) return known;
    slot.checkedMs = clock.monotonicMs();
    const reading = fetch(slot);
    pending.set(slot.pair, reading);
    return reading;
  };

  return {
    read,
    check(slot, ageMs) {
      const { feed } = slot;
      if (ageMs <= feed.document.freshness.staleMs && !feed.isSilent) return undefined;
      const reading = pending.get(slot.pair);
      if (reading !== undefined) return reading;
      return clock.monotonicMs() - slot.checkedMs < RECHECK_INTERVAL_MS ? undefined : read(slot);
    },
  };
}
