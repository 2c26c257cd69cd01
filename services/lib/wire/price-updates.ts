/**
 * The payload of channel `price:updates`: a conflated batch of one feed.
 *
 * Batches are numbered from 1 per (feed, lease start). A reader that misses a number, or sees a lease it does not
 * know start above 1, has lost records and re-reads that feed's assets. A batch without records is the heartbeat.
 */
import { priceJsonHead, readPriceRecord, type PriceRecord } from './price-record.ts';

export interface PriceUpdateBatch {
  /** `<namespace>/<name>` of the PriceFeed. */
  readonly feed: string;
  /** Changes whenever another publisher, or the same one after a lost lease, takes over. */
  readonly lease: string;
  /** Batch number, from 1. */
  readonly number: number;
  readonly records: readonly PriceRecord[];
  /** W3C trace context of the publication, when it is sampled. */
  readonly traceparent?: string;
}

export function encodePriceUpdateBatch(batch: PriceUpdateBatch): string {
  const trace = batch.traceparent === undefined ? '' : `,"traceparent":${JSON.stringify(batch.traceparent)}`;
  const records = batch.records.map((record) => `${priceJsonHead(record)}}`).join(',');
  return `{"feed":${JSON.stringify(batch.feed)},"lease":${JSON.stringify(batch.lease)},"n":${batch.number}${trace},"records":[${records}]}`;
}

/** `undefined` when the payload is not a batch; records that are not readable are left out. */
export function decodePriceUpdateBatch(json: string): PriceUpdateBatch | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  // Every field is still unknown: the cast only makes them askable by name.
  const fields = value as Readonly<Record<string, unknown>>;
  const { feed, lease, n, records, traceparent } = fields;
  if (typeof feed !== 'string' || typeof lease !== 'string' || !Array.isArray(records)) return undefined;
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 1) return undefined;
  return {
    feed,
    lease,
    number: n,
    records: records.map((record) => readPriceRecord(record)).filter((record) => record !== undefined),
    ...(typeof traceparent === 'string' && { traceparent }),
  };
}
