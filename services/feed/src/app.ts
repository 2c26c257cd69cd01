/**
 * One PriceFeed: listens to its exchanges, agrees on one price per pair, and publishes it while it holds the lease.
 *
 * Guarantees: a published price is an exact decimal, and nothing it was made of is older than its timestamp says; its
 * seq only rises, over restarts and takeovers; a standby has sockets and values of its own and publishes within 3 s
 * after the active instance dies; document changes apply without a restart; Valkey's absence costs the publication,
 * never sockets or values; a venue that cannot be heard is asked by REST, by the active instance alone. Does not: delete
 * prices that nobody confirms.
 */
import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '@weir/clock';
import { WeirError } from '@weir/errors';
import { keyspace } from '@weir/keyspace';
import type { Lifecycle } from '@weir/lifecycle';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { DocumentWatch, Valkey } from '@weir/valkey';
import type { Instrument } from '@weir/venues';
import type { FeedDocument, FeedSourceStatus, FeedStatus } from '@weir/wire';
import { createClockSkews } from './connect/clock-skew.ts';
import { createConnector, type SourceQuote } from './connect/connector.ts';
import { followDocument } from './follow-document.ts';
import { SourceHearing, type Hearing } from './hearing.ts';
import { LeaseCandidate } from './hold-lease.ts';
import { createQuoteBook, type QuoteBook } from './keep-quotes.ts';
import { keepSettled } from './keep-settled.ts';
import { createFeedMetrics, registerFeedGauges, type FeedMetrics } from './metrics.ts';
import { PricePublisher } from './publish-prices.ts';
import { startStatusReporter, type StatusReporter } from './report-status.ts';
import { createSources, type Connect, type Sources } from './run-sources.ts';
import { createFeedShared, type FeedShared } from './share-parts.ts';

export type { Connect } from './run-sources.ts';
export { createFeedShared, type FeedShared, type FeedSharedOptions } from './share-parts.ts';

export interface FeedOptions {
  /** `<namespace>/<name>` of the PriceFeed. */
  readonly feed: string;
  /** Name of this process among the replicas. */
  readonly node: string;
  /** Better `ready`: before, prices would be stamped by this machine's clock. */
  readonly valkey: Valkey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** The feed stops with it. */
  readonly lifecycle?: Pick<Lifecycle, 'onStop'>;
  readonly random?: () => number;
  /** Where several feeds share a process, they share this too, and so keep the venues' limits together; absent: its own. */
  readonly shared?: FeedShared;
  readonly connect?: Connect;
}

/**
 * starting: the document was not read yet. idle: there is none. suspended: it says so. standby: another instance
 * publishes, or Valkey is away. active: this one publishes.
 */
export type FeedRole = 'starting' | 'idle' | 'suspended' | 'standby' | 'active';

export interface FeedOverview {
  readonly feed: string;
  readonly node: string;
  readonly role: FeedRole;
  readonly appliedSeq: number;
  readonly assets: FeedStatus['assets'];
  readonly sources: readonly FeedSourceStatus[];
}

export interface Feed {
  readonly role: FeedRole;
  status(): FeedOverview;
  /** Gives the lease back and closes the sockets. */
  stop(): Promise<void>;
}

/** Resolves at once: without Valkey the feed starts when it comes. Rejects with CONFIG_INVALID for a name that is none. */
export async function startFeed(options: FeedOptions): Promise<Feed> {
  const names = keyspace.documentField.parse(options.feed);
  if (names === undefined) {
    throw new WeirError('CONFIG_INVALID', { detail: `"${options.feed}" is not <namespace>/<name> of a PriceFeed` });
  }
  const feed = new RunningFeed(options, names);
  options.lifecycle?.onStop(`feed ${options.feed}`, () => feed.stop());
  return feed;
}

class RunningFeed implements Feed {
  readonly #options: FeedOptions;
  readonly #leaseKey: string;
  readonly #logger: Logger;
  readonly #metrics: FeedMetrics;
  readonly #book: QuoteBook;
  #hearing: SourceHearing;
  readonly #clockSkews = createClockSkews();
  readonly #publisher: PricePublisher;
  readonly #settling: Timer;
  readonly #sources: Sources;
  /** What it does not share with other feeds. */
  readonly #own: FeedShared | undefined;
  readonly #reporter: StatusReporter;
  readonly #watch: DocumentWatch<FeedDocument>;
  readonly #retiring = new Set<Promise<void>>();
  readonly #nextLease: () => string;
  #candidate: LeaseCandidate | undefined;
  #document: FeedDocument | undefined;
  #isDocumentRead = false;
  #stopped: Promise<void> | undefined;

  constructor(options: FeedOptions, names: { readonly namespace: string; readonly name: string }) {
    const { feed, valkey, clock, telemetry, random = Math.random } = options;
    const logger = options.logger.child({ feed });
    this.#options = options;
    this.#logger = logger;
    this.#hearing = new SourceHearing(clock.monotonicMs());
    this.#leaseKey = keyspace.feedLease.key(names);
    this.#nextLease = createLeaseNames(options.node);
    this.#metrics = createFeedMetrics(telemetry, feed);
    this.#book = createQuoteBook({
      monotonicOf: (wallMs) => clock.monotonicMs() - (clock.nowMs() - wallMs),
      onRejected: (why, count) => this.#metrics.rejected[why].add(count),
    });
    this.#publisher = new PricePublisher({
      feed,
      book: this.#book,
      valkey,
      clock,
      logger,
      metrics: this.#metrics,
      tracing: telemetry.tracing,
      heldLease: () => this.#candidate?.held,
    });
    const isActive = (): boolean => this.#candidate?.held !== undefined;
    this.#settling = keepSettled({ book: this.#book, clock, isPublishing: isActive });
    const onQuote = (source: string, quote: SourceQuote): void => this.#take(source, quote);
    const onHalted = (source: string, market: Instrument): void => this.#withdraw(source, market);
    const shared = options.shared ?? createFeedShared(options);
    this.#own = shared === options.shared ? undefined : shared;
    const { connect = (order) => createConnector({ ...order, openSocket: shared.openSocket }) } = options;
    this.#sources = createSources({
      ...shared,
      feed,
      connect,
      clock,
      logger,
      telemetry,
      random,
      clockSkews: this.#clockSkews,
      isActive,
      book: this.#book,
      onQuote,
      onHalted,
    });
    this.#reporter = startStatusReporter({
      key: keyspace.feedStatus.key(names),
      client: valkey.bulk,
      clock,
      logger,
      read: () => this.#readStatus(),
    });
    registerFeedGauges(telemetry, feed, {
      isActive,
      assets: () => this.status().assets,
      sources: () => this.#sources.statuses(),
      prices: () => this.#book.overview(clock.monotonicMs()),
      clockSkews: () => this.#clockSkews.read(clock.monotonicMs()),
    });
    this.#watch = followDocument({ feed, valkey, clock, logger, onDocument: (...news) => this.#apply(...news) });
  }

  get role(): FeedRole {
    if (!this.#isDocumentRead) return 'starting';
    if (this.#document === undefined) return 'idle';
    if (this.#document.suspend) return 'suspended';
    return this.#candidate?.held === undefined ? 'standby' : 'active';
  }

  status(): FeedOverview {
    const { feed, node, clock } = this.#options;
    return {
      feed,
      node,
      role: this.role,
      appliedSeq: this.#watch.appliedSeq,
      assets: { total: this.#book.assets.length, fresh: this.#book.countFresh(clock.monotonicMs()) },
      sources: this.#sources.statuses(),
    };
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  #take(source: string, quote: SourceQuote): void {
    const verdict = this.#book.record(source, quote);
    (verdict === 'ignored' ? this.#metrics.quotesIgnored : this.#metrics.quotes).add();
    // Mere confirmations are told with the heartbeat.
    if (verdict === 'changed') this.#publisher.touch(quote.asset);
    if (verdict !== 'ignored') this.#hearing.note(quote.confirmedMonotonicMs);
  }

  #withdraw(source: string, { asset }: Instrument): void {
    if (this.#book.withdraw(source, asset)) this.#publisher.touch(asset);
  }

  #apply(document: FeedDocument | undefined, seq: number): void {
    if (this.#stopped !== undefined) return;
    if (document === this.#document && this.#isDocumentRead) return;
    this.#isDocumentRead = true;
    this.#document = document;
    this.#logger.info({ seq, role: this.role }, 'feed document applied');
    if (document !== undefined) {
      this.#book.configure(document);
      this.#publisher.configure(document);
    }
    this.#sources.apply(document);
    if (document === undefined || document.suspend) this.#retire();
    else this.#candidate ??= this.#stand();
  }

  #stand(): LeaseCandidate {
    const { valkey, clock } = this.#options;
    // Its sources begin now, however long the process has been there.
    this.#hearing = new SourceHearing(clock.monotonicMs());
    const candidate = new LeaseCandidate({
      key: this.#leaseKey,
      client: valkey.bulk,
      clock,
      logger: this.#logger,
      nextLease: this.#nextLease,
      hearing: () => this.#howWell(),
      onHeld: (lease) => {
        this.#metrics.leasesTaken.add();
        this.#publisher.begin(lease);
        this.#sources.review();
        this.#reporter.report();
      },
      onLost: () => {
        this.#metrics.leasesLost.add();
        this.#sources.review();
        // After a retreat another candidate may already publish.
        return this.#candidate === candidate ? this.#publisher.end() : undefined;
      },
    });
    return candidate;
  }

  #howWell(): Hearing {
    const document = this.#document;
    if (document === undefined || document.assets.length === 0) return 'unsure';
    return this.#hearing.at(this.#options.clock.monotonicMs(), document.freshness);
  }

  /** Ends the publication first: what is on its way must have arrived before another instance may begin. */
  #retire(): void {
    const candidate = this.#candidate;
    if (candidate === undefined) return;
    this.#candidate = undefined;
    const retired = this.#publisher
      .end()
      .then(() => candidate.stop())
      .finally(() => this.#retiring.delete(retired));
    this.#retiring.add(retired);
  }

  async #stopAll(): Promise<void> {
    this.#settling.cancel();
    this.#retire();
    await Promise.all([this.#watch.close(), ...this.#retiring, this.#sources.stop(), this.#reporter.stop()]);
    await this.#own?.close();
  }

  #readStatus(): FeedStatus | undefined {
    const lease = this.#candidate?.held;
    if (lease === undefined) return undefined;
    const { feed, node, appliedSeq, assets, sources } = this.status();
    const updatedAt = new Date(this.#options.clock.nowMs()).toISOString();
    return { feed, active: node, lease, appliedSeq, assets, sources, updatedAt };
  }
}

/** `<node>:<start>:<n>`: no two alike, whoever restarts under the same name. */
function createLeaseNames(node: string): () => string {
  const startId = randomBytes(4).toString('hex');
  let count = 0;
  return () => {
    count += 1;
    return `${node}:${startId}:${count}`;
  };
}
