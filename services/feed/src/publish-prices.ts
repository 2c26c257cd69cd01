/**
 * Sends prices to Valkey and their readers: conflated, in rounds, one round at a time.
 *
 * A changed price goes out in the next round, rounds are at least `publish.interval` apart, and a round takes the value
 * of its moment: whatever happens to Valkey, what waits is a set of asset names and never a queue of records. A
 * heartbeat round also announces prices that were confirmed anew, and rewrites all others with the age they have, so
 * that a Valkey that lost its data has them back. Nothing is sent without a lease that is surely held.
 */
import type { Clock, Timer } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger, Tracing } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import { encodePriceUpdateBatch, type FeedDocument, type PriceRecord } from '@weir/wire';
import type { QuoteBook } from './keep-quotes.ts';
import type { FeedMetrics } from './metrics.ts';
import { isNews, planRound, type Draft, type RoundScope } from './plan-round.ts';
import { createRecordWriter, type RecordWriter } from './write-record.ts';

export interface PublisherOptions {
  /** `<namespace>/<name>`. */
  readonly feed: string;
  readonly book: Pick<QuoteBook, 'assets' | 'refresh'>;
  readonly valkey: Pick<Valkey, 'bulk' | 'serverTimeMs'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: FeedMetrics;
  readonly tracing: Tracing;
  /** The lease, while it is surely held. */
  readonly heldLease: () => string | undefined;
}

/** The time under one lease. */
interface Tenure {
  readonly lease: string;
  /** Number of the last batch. */
  batch: number;
  isOpened: boolean;
}

/** Small enough that a lease renewal behind a round waits for milliseconds, and that a batch stays near 64 KB. */
const CHUNK_RECORDS = 200;
const RETRY_MS = 250;

export class PricePublisher {
  readonly #options: PublisherOptions;
  readonly #writer: RecordWriter;
  readonly #dirty = new Set<string>();
  #document: FeedDocument | undefined;
  #tenure: Tenure | undefined;
  #heartbeat: Timer | undefined;
  #isHeartbeatDue = false;
  #nextRound: Timer | undefined;
  #nextRoundMs = 0;
  #round: Promise<void> | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { valkey, clock, metrics } = options;
    this.#writer = createRecordWriter({ valkey, clock, onRefused: () => metrics.recordsRefused.add() });
  }

  /** To be called after the book was configured with the same document. */
  configure(document: FeedDocument): void {
    this.#document = document;
    this.#writer.configure(document);
    if (this.#tenure !== undefined) this.#startHeartbeat(document);
  }

  /** Something was said of the asset. */
  touch(asset: string): void {
    if (this.#tenure === undefined) return;
    this.#dirty.add(asset);
    this.#schedule();
  }

  /** Starts publishing under a lease, with every price there is. */
  begin(lease: string): void {
    if (this.#document === undefined) return;
    this.#tenure = { lease, batch: 0, isOpened: false };
    this.#nextRoundMs = 0;
    this.#startHeartbeat(this.#document);
  }

  /** Sends nothing more; resolves when nothing is on its way. */
  async end(): Promise<void> {
    this.#tenure = undefined;
    this.#dirty.clear();
    this.#heartbeat?.cancel();
    this.#nextRound?.cancel();
    this.#nextRound = undefined;
    await this.#round;
  }

  #startHeartbeat(document: FeedDocument): void {
    const beat = (): void => {
      this.#isHeartbeatDue = true;
      this.#schedule();
    };
    this.#heartbeat?.cancel();
    this.#heartbeat = this.#options.clock.setInterval(beat, document.publish.heartbeatMs);
    beat();
  }

  #schedule(): void {
    const tenure = this.#tenure;
    const document = this.#document;
    if (tenure === undefined || document === undefined) return;
    if (this.#nextRound !== undefined || this.#round !== undefined) return;
    if (this.#dirty.size === 0 && !this.#isHeartbeatDue) return;
    const { clock, logger } = this.#options;
    const start = (): void => {
      this.#nextRound = undefined;
      this.#nextRoundMs = clock.monotonicMs() + document.publish.intervalMs;
      this.#round = this.#runRound(tenure)
        .catch((err: unknown) => logger.error({ err }, 'publishing round failed'))
        .finally(() => {
          this.#round = undefined;
          this.#schedule();
        });
    };
    this.#nextRound = clock.setTimeout(start, Math.max(0, this.#nextRoundMs - clock.monotonicMs()));
  }

  async #runRound(tenure: Tenure): Promise<void> {
    const { clock, metrics } = this.#options;
    const scope = this.#takeScope(tenure);
    const drafts = this.#takeDrafts(scope);
    const batchBefore = tenure.batch;
    for (let from = 0; from < drafts.length; from += CHUNK_RECORDS) {
      if (await this.#publishChunk(tenure, drafts.slice(from, from + CHUNK_RECORDS))) continue;
      // What was not taken is not kept: its asset is, and the next round sends the value of then.
      for (const { asset } of drafts.slice(from)) this.#dirty.add(asset);
      this.#nextRoundMs = clock.monotonicMs() + RETRY_MS;
      metrics.roundsFailed.add();
      return;
    }
    // Readers must hear from a feed that has nothing new to say.
    if (scope !== 'changed' && tenure.batch === batchBefore) await this.#announce(tenure, []);
  }

  #takeScope(tenure: Tenure): RoundScope {
    if (!this.#isHeartbeatDue) return 'changed';
    this.#isHeartbeatDue = false;
    // Under a new lease readers are told everything anew: they may have missed what the one before said last.
    if (!tenure.isOpened) this.#writer.forget();
    tenure.isOpened = true;
    return 'all';
  }

  #takeDrafts(scope: RoundScope): Draft[] {
    const { book, clock } = this.#options;
    const assets = scope === 'changed' ? [...this.#dirty] : book.assets;
    this.#dirty.clear();
    return planRound(scope, assets, { book, nowMs: clock.monotonicMs(), lastWritten: this.#writer.lastWritten });
  }

  /** Whether all of it is stored and announced. */
  async #publishChunk(tenure: Tenure, drafts: readonly Draft[]): Promise<boolean> {
    const { clock, logger, metrics } = this.#options;
    if (!this.#isHeld(tenure)) return false;
    const writes = drafts.map(({ asset, aggregate }) =>
      this.#writer.write(asset, aggregate, () => this.#isHeld(tenure)),
    );
    const results = await Promise.allSettled(writes);
    const news: PriceRecord[] = [];
    let isWhole = true;
    for (const [index, draft] of drafts.entries()) {
      const result = results[index];
      const record = result?.status === 'fulfilled' ? result.value : undefined;
      if (record === undefined) isWhole = false;
      else metrics.recordsStored.add();
      if (record !== undefined && isNews(draft)) news.push(record);
    }
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) logger.debug({ err: failure.reason as unknown }, 'price records not stored');
    if (news.length === 0) return isWhole;
    if (!(await this.#announce(tenure, news))) return false;
    const nowMs = clock.monotonicMs();
    for (const { aggregate, why } of drafts) {
      if (why === 'changed') metrics.frameToPublication.record(nowMs - aggregate.newestMs);
    }
    return isWhole;
  }

  /** A number is used up by the attempt: a batch that may not have arrived has to be missed, so that readers re-read. */
  async #announce(tenure: Tenure, records: readonly PriceRecord[]): Promise<boolean> {
    const { feed, logger, metrics, tracing, valkey } = this.#options;
    if (!this.#isHeld(tenure)) return false;
    tenure.batch += 1;
    const span = tracing.start('publish price:updates', { kind: 'producer', attributes: { records: records.length } });
    const batch = { feed, lease: tenure.lease, number: tenure.batch, records };
    const payload = encodePriceUpdateBatch(span === undefined ? batch : { ...batch, traceparent: span.traceparent });
    try {
      await valkey.bulk.call('PUBLISH', keyspace.priceUpdates.key(), payload);
      metrics.batches.add();
      return true;
    } catch (err) {
      span?.recordError(err);
      logger.debug({ err }, 'price batch not sent');
      return false;
    } finally {
      span?.end();
    }
  }

  /** Under another lease, even of our own, numbering is another: what began before is over. */
  #isHeld(tenure: Tenure): boolean {
    return this.#tenure === tenure && this.#options.heldLease() === tenure.lease;
  }
}
