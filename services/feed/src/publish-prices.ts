/**
 * Sends prices to Valkey and their readers, conflated, one chunk at a time.
 *
 * What changes is collected for `publish.interval` and sent with the value of the moment of sending: whatever happens
 * to Valkey, what waits is a set of asset names and never a queue of records. The heartbeat goes through all assets and
 * tells which prices were confirmed anew, in a few bytes each. It also stores prices again, so that a Valkey that lost
 * its data has them back: all of a feed of up to 4,000 assets, of a larger one so many at a time, by turns. Nothing is
 * sent without a lease that is surely held.
 */
import type { Clock, Timer } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger, Tracing } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import { encodePriceUpdateBatch, type FeedDocument, type PriceConfirmation, type PriceRecord } from '@weir/wire';
import type { QuoteBook } from './keep-quotes.ts';
import type { FeedMetrics } from './metrics.ts';
import { CHUNK_RECORDS, ROUND_RECORDS, Sweep } from './sweep.ts';
import { isValueNews, NO_NEWS, planRound, type Draft, type News, type RoundScope } from './plan-round.ts';
import { sendChunks } from './send-chunks.ts';
import { takeTurn } from './take-turn.ts';
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

/** Ten thousand prices are back in Valkey within 3 s of its losing them, at a fifth of what one core of it can take. */
const RESTATED_PER_SECOND = 4_000;
const RETRY_MS = 250;

export class PricePublisher {
  readonly #options: PublisherOptions;
  readonly #writer: RecordWriter;
  #document: FeedDocument | undefined;
  #tenure: Tenure | undefined;
  #heartbeat: Timer | undefined;
  /** Not taken, and touched again after a pause, so that they hold nothing else up. */
  readonly #failed = new Set<string>();
  #retry: Timer | undefined;
  /** Touched since the last round began. */
  readonly #dirty = new Set<string>();
  /** What is left of the round. */
  #changed: string[] = [];
  #nextRoundMs = 0;
  #sweep: Sweep | undefined;
  /** A heartbeat was due while the one before was still under way: it follows at once, or prices would age by two periods. */
  #isBeatDue = false;
  /** Where the next heartbeat goes on storing prices again. */
  #restateFrom = 0;
  #isSweepTurn = false;
  #wake: Timer | undefined;
  #sending: Promise<void> | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { valkey, clock, metrics } = options;
    this.#writer = createRecordWriter({ valkey, clock, onRefused: () => metrics.recordsRefused.add() });
  }

  /** To be called after the book was configured with the same document. */
  configure(document: FeedDocument): void {
    this.#document = document;
    this.#writer.configure(document);
    if (this.#tenure !== undefined) this.#startHeartbeat(this.#tenure, document);
  }

  /** The price of the asset may have changed. */
  touch(asset: string): void {
    if (this.#tenure === undefined) return;
    this.#dirty.add(asset);
    this.#schedule();
  }

  /** Starts publishing under a lease, with every price there is: readers may have missed what was said last. */
  begin(lease: string): void {
    if (this.#document === undefined) return;
    this.#tenure = { lease, batch: 0, isOpened: false };
    this.#nextRoundMs = 0;
    this.#startHeartbeat(this.#tenure, this.#document);
  }

  /** Sends nothing more; resolves when nothing is on its way. */
  async end(): Promise<void> {
    this.#tenure = undefined;
    this.#heartbeat?.cancel();
    this.#wake?.cancel();
    this.#wake = undefined;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#failed.clear();
    this.#sweep = undefined;
    this.#changed = [];
    this.#dirty.clear();
    await this.#sending;
  }

  #startHeartbeat(tenure: Tenure, document: FeedDocument): void {
    const beat = (): void => {
      if (this.#sweep !== undefined) this.#isBeatDue = true;
      else this.#beginSweep(tenure, document);
    };
    this.#heartbeat?.cancel();
    this.#heartbeat = this.#options.clock.setInterval(beat, document.publish.heartbeatMs);
    this.#beginSweep(tenure, document);
  }

  #beginSweep(tenure: Tenure, document: FeedDocument): void {
    this.#sweep = this.#newSweep(tenure, document);
    this.#isBeatDue = false;
    this.#schedule();
  }

  #newSweep(tenure: Tenure, { publish }: FeedDocument): Sweep {
    const { assets } = this.#options.book;
    const count = Math.ceil((RESTATED_PER_SECOND * publish.heartbeatMs) / 1_000);
    const { items, next } = takeTurn(assets, this.#restateFrom, count);
    this.#restateFrom = next;
    const startMs = this.#options.clock.monotonicMs();
    const plan = { assets, restated: new Set(items), batchBefore: tenure.batch };
    return new Sweep({ ...plan, startMs, periodMs: publish.heartbeatMs });
  }

  /** Sees to it that what is due is sent when it is due. */
  #schedule(): void {
    const tenure = this.#tenure;
    if (tenure === undefined || this.#sending !== undefined || this.#wake !== undefined) return;
    const isWaiting = this.#changed.length > 0 || this.#sweep !== undefined;
    if (!isWaiting && this.#dirty.size === 0) return;
    const { clock, logger } = this.#options;
    const start = (): void => {
      this.#wake = undefined;
      this.#sending = this.#send(tenure)
        .catch((err: unknown) => logger.error({ err }, 'publishing failed'))
        .finally(() => {
          this.#sending = undefined;
          this.#schedule();
        });
    };
    this.#wake = clock.setTimeout(start, isWaiting ? 0 : Math.max(0, this.#nextRoundMs - clock.monotonicMs()));
  }

  async #send(tenure: Tenure): Promise<void> {
    // Not in `begin`: what the time before still had on its way counts as not written under this lease.
    if (!tenure.isOpened) this.#writer.forget();
    tenure.isOpened = true;
    while (this.#tenure === tenure) {
      const work = this.#takeWork();
      if (work === undefined) return;
      const { sweep, assets } = work;
      const failed = await sendChunks(assets, CHUNK_RECORDS, (chunk) => this.#publishChunk(tenure, chunk, sweep));
      if (this.#tenure !== tenure) return;
      this.#putBack(failed);
      // The next heartbeat goes through everything anyway; one of another document has begun already.
      if (sweep !== undefined && failed.length === assets.length) {
        if (this.#sweep === sweep) this.#sweep = undefined;
      } else if (sweep?.isDone === true) await this.#endSweep(tenure, sweep);
    }
  }

  #takeWork(): { readonly assets: readonly string[]; readonly sweep?: Sweep } | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#changed.length === 0 && nowMs >= this.#nextRoundMs) {
      this.#changed = [...this.#dirty];
      this.#dirty.clear();
      this.#nextRoundMs = nowMs + (this.#document?.publish.intervalMs ?? 0);
    }
    const sweep = this.#sweep;
    // By turns: a change must not wait for a long heartbeat, nor the heartbeat for ever.
    this.#isSweepTurn = sweep !== undefined && (this.#changed.length === 0 || !this.#isSweepTurn);
    if (sweep !== undefined && this.#isSweepTurn) return { assets: sweep.take(nowMs), sweep };
    return this.#changed.length === 0 ? undefined : { assets: this.#changed.splice(0, ROUND_RECORDS) };
  }

  /** What was not taken is not kept: its asset is, and a later round sends the value of then. */
  #putBack(failed: readonly string[]): void {
    if (failed.length === 0) return;
    for (const asset of failed) this.#failed.add(asset);
    this.#options.metrics.roundsFailed.add();
    this.#retry ??= this.#options.clock.setTimeout(() => {
      this.#retry = undefined;
      for (const asset of this.#failed) this.#dirty.add(asset);
      this.#failed.clear();
      this.#schedule();
    }, RETRY_MS);
  }

  /** Readers must hear from a feed that has nothing new to say. */
  async #endSweep(tenure: Tenure, sweep: Sweep): Promise<void> {
    if (this.#sweep === sweep) this.#sweep = undefined;
    if (tenure.batch === sweep.batchBefore) await this.#announce(tenure, NO_NEWS);
    if (this.#isBeatDue && this.#sweep === undefined && this.#tenure === tenure && this.#document !== undefined)
      this.#beginSweep(tenure, this.#document);
  }

  /** What has to be sent again: `assets` itself when nothing of it was stored, or announced. */
  async #publishChunk(tenure: Tenure, assets: readonly string[], sweep?: Sweep): Promise<readonly string[]> {
    const { book, clock, logger, metrics, valkey } = this.#options;
    if (!this.#isHeld(tenure)) return assets;
    const { lastWritten } = this.#writer;
    const scope: RoundScope = sweep === undefined ? 'changed' : 'all';
    const drafts = planRound(scope, assets, { book, nowMs: clock.monotonicMs(), lastWritten });
    const madeAtMs = Math.round(valkey.serverTimeMs());
    const stored = drafts.filter((draft) => isValueNews(draft) || sweep?.restated.has(draft.asset) === true);
    const writes = stored.map(({ asset, aggregate }) =>
      this.#writer.write(asset, aggregate, () => this.#isHeld(tenure)),
    );
    const results = await Promise.allSettled(writes);
    const written = new Map<Draft, PriceRecord>();
    for (const [index, draft] of stored.entries()) {
      const result = results[index];
      const record = result?.status === 'fulfilled' ? result.value : undefined;
      if (record !== undefined) written.set(draft, record);
    }
    metrics.recordsStored.add(written.size);
    const rejections = results.filter((result) => result.status === 'rejected');
    const [rejection] = rejections;
    if (rejection !== undefined) {
      logger.debug({ err: rejection.reason as unknown, count: rejections.length }, 'price records not stored');
      if (rejections.length === stored.length) return assets;
    }
    const failed = stored.filter((draft) => !written.has(draft)).map(({ asset }) => asset);
    const news = this.#newsOf(drafts, written, madeAtMs);
    if (news.records.length + news.confirmations.length === 0) return failed;
    if (!(await this.#announce(tenure, news))) return assets;
    const nowMs = clock.monotonicMs();
    for (const { aggregate, why } of drafts) {
      if (why === 'changed' && aggregate.causedMs !== undefined)
        metrics.frameToPublication.record(nowMs - aggregate.causedMs);
    }
    return failed;
  }

  /** Prices that were to be stored and were not are left out. */
  #newsOf(drafts: readonly Draft[], written: ReadonlyMap<Draft, PriceRecord>, madeAtMs: number): News {
    const records: PriceRecord[] = [];
    const confirmations: PriceConfirmation[] = [];
    for (const draft of drafts) {
      const record = written.get(draft);
      if (isValueNews(draft)) {
        if (record !== undefined) records.push(record);
      } else if (draft.why === 'confirmed') {
        const confirmation = this.#writer.confirm(draft.asset, draft.aggregate);
        if (confirmation !== undefined) confirmations.push(confirmation);
      }
    }
    return { madeAtMs, records, confirmations };
  }

  /** A number is used up by the attempt: a batch that may not have arrived has to be missed, so that readers re-read. */
  async #announce(tenure: Tenure, news: News): Promise<boolean> {
    const { feed, logger, metrics, tracing, valkey } = this.#options;
    if (!this.#isHeld(tenure)) return false;
    tenure.batch += 1;
    const span = tracing.start('publish price:updates', {
      kind: 'producer',
      attributes: { records: news.records.length },
    });
    const batch = { feed, lease: tenure.lease, number: tenure.batch, ...news };
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
