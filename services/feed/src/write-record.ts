/**
 * Stores price records, each with a seq above all before it: what makes a late or doubled publisher harmless.
 *
 * seq = max(last + 1, Valkey's time in µs): it rises over restarts and takeovers without anyone remembering it, and
 * should that time have stepped back, the refusing script says above which seq to go.
 */
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import { storeNewerRecord, type Valkey } from '@weir/valkey';
import {
  encodePriceRecord,
  formatDecimal,
  formatPair,
  type FeedDocument,
  type Pair,
  type PriceConfirmation,
  type PriceRecord,
} from '@weir/wire';
import { isSameValue, type Aggregate } from './aggregate-quotes.ts';
import { createStamps, type Stamp } from './stamp-price.ts';

export interface RecordWriterOptions {
  readonly valkey: Pick<Valkey, 'bulk' | 'serverTimeMs'>;
  readonly clock: Clock;
  /** A record was refused because a newer one is stored. */
  readonly onRefused: () => void;
}

export interface RecordWriter {
  /** Forgets pairs that the document does not list. */
  configure(document: FeedDocument): void;
  /** What was stored last, by this process and since `forget`. */
  readonly lastWritten: (asset: string) => Aggregate | undefined;
  /** Lets every price count as not yet written; the seqs stay. */
  forget(): void;
  /**
   * Resolves to the stored record; to `undefined` when another publisher was faster twice, or `mayGoOn` says after a
   * refusal that this one has no right to write any more. Rejects when Valkey does not answer.
   */
  write(asset: string, aggregate: Aggregate, mayGoOn: () => boolean): Promise<PriceRecord | undefined>;
  /** What readers are told of a price that stands, whether or not it was stored; `undefined` when it was never stored. */
  confirm(asset: string, aggregate: Aggregate): PriceConfirmation | undefined;
}

/** Prices outlive a venue's outage, and the pause between two prewarm fetches. */
const TTL_MS_MIN = 600_000;
const PREWARM_SLACK_MS = 60_000;

export function recordTtlMs(document: FeedDocument): number {
  const prewarmsMs = document.sources.map((source) => (source.prewarm?.intervalMs ?? 0) + PREWARM_SLACK_MS);
  return Math.max(TTL_MS_MIN, ...prewarmsMs);
}

export function createRecordWriter({ valkey, clock, onRefused }: RecordWriterOptions): RecordWriter {
  const seqs = new Map<string, number>();
  const stamps = createStamps(valkey, clock);
  const written = new Map<string, Aggregate>();
  /** Seq of the first record with the value of the last one. */
  const valueSeqs = new Map<string, number>();
  let document: FeedDocument | undefined;

  const nextSeq = (pair: string): number => raiseSeq(seqs, pair, valkey.serverTimeMs());

  return {
    configure(next) {
      const assets = new Set(next.assets);
      const pairs = new Set(next.assets.map((asset) => formatPair({ asset, quote: next.quote })));
      keepOnly(pairs, seqs);
      stamps.keepOnly(assets);
      keepOnly(assets, valueSeqs);
      // Whatever else has changed may show in the records, the thresholds of `status` for one.
      written.clear();
      document = next;
    },
    lastWritten: (asset) => written.get(asset),
    forget() {
      written.clear();
      stamps.begin();
    },
    async write(asset, aggregate, mayGoOn) {
      const settings = document;
      if (settings === undefined) return undefined;
      const pair = formatPair({ asset, quote: settings.quote });
      for (const isRetry of [false, true]) {
        if (isRetry && !mayGoOn()) return undefined;
        const seq = nextSeq(pair);
        const record = recordOf(stamps.of(asset, aggregate), { asset, quote: settings.quote }, seq);
        const inTheWay = await store(valkey, record, settings);
        if (inTheWay === undefined) {
          const before = written.get(asset);
          if (before === undefined || !isSameValue(before, aggregate)) valueSeqs.set(asset, seq);
          written.set(asset, aggregate);
          return record;
        }
        seqs.set(pair, inTheWay);
        onRefused();
      }
      return undefined;
    },
    confirm(asset, aggregate) {
      const sinceSeq = valueSeqs.get(asset);
      if (document === undefined || sinceSeq === undefined || !written.has(asset)) return undefined;
      const pair = formatPair({ asset, quote: document.quote });
      const seq = written.get(asset) === aggregate ? (seqs.get(pair) ?? sinceSeq) : nextSeq(pair);
      written.set(asset, aggregate);
      return { asset, sinceSeq, seq, confirmedAtMs: stamps.of(asset, aggregate).confirmedAtMs };
    },
  };
}

function raiseSeq(seqs: Map<string, number>, pair: string, serverTimeMs: number): number {
  const seq = Math.max((seqs.get(pair) ?? 0) + 1, Math.floor(serverTimeMs * 1_000));
  seqs.set(pair, seq);
  return seq;
}

function keepOnly(names: ReadonlySet<string>, known: Map<string, unknown>): void {
  for (const name of known.keys()) if (!names.has(name)) known.delete(name);
}

/** Resolves to the seq that is in the way, if there is one. */
async function store(
  valkey: RecordWriterOptions['valkey'],
  record: PriceRecord,
  settings: FeedDocument,
): Promise<number | undefined> {
  const json = encodePriceRecord(record, valkey.serverTimeMs(), settings.freshness);
  const key = keyspace.price.key({ pair: formatPair(record) });
  const reply = await valkey.bulk.run(storeNewerRecord, [key], [json, record.seq, recordTtlMs(settings)]);
  return reply === 0 ? undefined : Number(reply);
}

function recordOf({ aggregate, confirmedAtMs, latencyMs }: Stamp, pair: Pair, seq: number): PriceRecord {
  const [source = 'median', ...others] = aggregate.sources;
  return {
    ...pair,
    priceText: formatDecimal(aggregate.price),
    confirmedAtMs,
    source: others.length === 0 ? source : 'median',
    sources: aggregate.sources,
    latencyMs,
    confidenceText: formatDecimal(aggregate.confidence),
    ...(aggregate.flags.length > 0 && { flags: aggregate.flags }),
    seq,
  };
}
