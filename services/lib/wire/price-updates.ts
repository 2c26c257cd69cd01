/**
 * The payload of channel `price:updates`: a conflated batch of one feed.
 *
 * Batches are numbered from 1 per (feed, lease start). A reader that misses a number, or sees a lease it does not
 * know start above 1, has lost records and re-reads that feed's assets. A batch without records is the heartbeat.
 *
 * Most prices stand still from one second to the next and are only known to be current more recently. Telling that
 * takes a tenth of the bytes of the record, and no look into Valkey: that is a confirmation.
 */
import { priceJsonHead, readPriceRecord, type PriceRecord } from './price-record.ts';

/** The record of an asset stands, under a newer seq and confirmed at a later instant. */
export interface PriceConfirmation {
  readonly asset: string;
  /** Of the last record that said something else. A reader whose own seq is smaller has missed a record. */
  readonly sinceSeq: number;
  readonly seq: number;
  /** As in the record. */
  readonly confirmedAtMs: number;
}

export interface PriceUpdateBatch {
  /** `<namespace>/<name>` of the PriceFeed. */
  readonly feed: string;
  /** Changes whenever another publisher, or the same one after a lost lease, takes over. */
  readonly lease: string;
  /** Batch number, from 1. */
  readonly number: number;
  readonly records: readonly PriceRecord[];
  readonly confirmations: readonly PriceConfirmation[];
  /** Valkey's time when the records were made: the `latencyMs` of each is as of then. */
  readonly madeAtMs: number;
  /** W3C trace context of the publication, when it is sampled. */
  readonly traceparent?: string;
}

export function encodePriceUpdateBatch(batch: PriceUpdateBatch): string {
  const trace = batch.traceparent === undefined ? '' : `,"traceparent":${JSON.stringify(batch.traceparent)}`;
  const records = batch.records.map((record) => `${priceJsonHead(record)}}`).join(',');
  const confirmations = batch.confirmations.map(
    ({ asset, sinceSeq, seq, confirmedAtMs }) => `["${asset}",${sinceSeq},${seq},${confirmedAtMs}]`,
  );
  return (
    `{"feed":${JSON.stringify(batch.feed)},"lease":${JSON.stringify(batch.lease)},"n":${batch.number},` +
    `"at":${batch.madeAtMs}${trace},"records":[${records}],"confirmed":[${confirmations.join(',')}]}`
  );
}

/** `undefined` when the payload is not a batch; records and confirmations that are not readable are left out. */
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
  const { feed, lease, n, at, records, confirmed, traceparent } = fields;
  if (typeof feed !== 'string' || typeof lease !== 'string' || !Array.isArray(records)) return undefined;
  if (!isSafeInteger(n) || n < 1 || !isSafeInteger(at)) return undefined;
  return {
    feed,
    lease,
    number: n,
    madeAtMs: at,
    records: records.map((record) => readPriceRecord(record)).filter((record) => record !== undefined),
    confirmations: readConfirmations(confirmed),
    ...(typeof traceparent === 'string' && { traceparent }),
  };
}

function readConfirmations(value: unknown): PriceConfirmation[] {
  if (!Array.isArray(value)) return [];
  const confirmations: PriceConfirmation[] = [];
  for (const item of value) {
    if (!Array.isArray(item)) continue;
    const [asset, sinceSeq, seq, confirmedAtMs] = item as readonly unknown[];
    if (typeof asset !== 'string' || !isSafeInteger(sinceSeq) || !isSafeInteger(seq)) continue;
    if (isSafeInteger(confirmedAtMs)) confirmations.push({ asset, sinceSeq, seq, confirmedAtMs });
  }
  return confirmations;
}

const isSafeInteger = (value: unknown): value is number => Number.isSafeInteger(value);
