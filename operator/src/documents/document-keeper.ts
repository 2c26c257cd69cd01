/**
 * Brings the documents of one family into Valkey and keeps them there. The whole set is asserted in one call, which writes
 * nothing while it is there: at first, after a loss or a failure, and every few seconds, so that an edit by hand and an
 * orphan are put right too. In between, only changes are sent, and they are taken only by the set that this process has
 * published last; so no reader ever takes half a set for all there is.
 */
import type { Clock, Timer } from '@weir/clock';
import { isWeirError, type WeirError } from '@weir/errors';
import { keyspace } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import { publishChanges, publishDocuments, type DocumentFamily, type ValkeyClient } from '@weir/valkey';
import type { Fence } from '../kube/index.ts';
import type { WantedDocuments } from './wanted-documents.ts';

export interface DocumentKeeperOptions {
  readonly family: DocumentFamily;
  readonly client: ValkeyClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Every document there is to be, not only those that changed; asked often, so answered from memory. `undefined` while
   * that is not known, as before the caches are complete: nothing is written then.
   */
  readonly wanted: () => WantedDocuments | undefined;
  /** Only the leader publishes. */
  readonly fence: Fence;
  readonly random?: () => number;
}

export interface DocumentKeeper {
  /**
   * Resolves once Valkey has all that is wanted, with the sequence number from which on this document (or its absence)
   * is in force. Costs nothing while nothing has changed. Rejects with the WeirError of Valkey.
   */
  publish(field: string): Promise<number>;
  /**
   * Why the documents cannot be brought into Valkey; `undefined` while they can, and for the first seconds of an outage,
   * which most of them do not last.
   */
  readonly fault: WeirError | undefined;
  /** Told when `fault` comes or goes. Answers how to end it. */
  onFaultChange(listener: () => void): () => void;
  /** Begins to watch over the documents, as far as this process leads and knows what is wanted. Once is enough. */
  start(): void;
  /** Waits for a write that is under way. */
  stop(): Promise<void>;
}

/** How soon a loss is seen. */
const POLL_MS = 1_000;
/** How soon an edit that left the sequence number as it was is seen, half of it left to chance. */
const ASSERT_MS = 15_000;

/** An outage that is shorter is none of anybody's business. */
const FAULT_AFTER_MS = 4_000;

const SEQ = keyspace.documentSeqField.key();

interface Published {
  readonly json: string;
  readonly seq: number;
}

class Keeper implements DocumentKeeper {
  readonly #options: DocumentKeeperOptions;
  readonly #hash: string;
  readonly #listeners = new Set<() => void>();
  readonly #published = new Map<string, Published>();
  /** Documents of invalid resources that were there before this process began. */
  #inherited = new Set<string>();
  #seq: number | undefined;
  #fault: WeirError | undefined;
  #failingSinceMs: number | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #poller: Timer | undefined;
  #assertAtMs = 0;
  /** Whether Valkey may have something else than this process believes. */
  #isUnsure = true;
  #isStopped = false;

  constructor(options: DocumentKeeperOptions) {
    this.#options = options;
    this.#hash = options.family === 'feeds' ? keyspace.feeds.key() : keyspace.policies.key();
  }

  get fault(): WeirError | undefined {
    return this.#fault;
  }

  onFaultChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  start(): void {
    const { clock } = this.#options;
    this.#poller ??= clock.setInterval(() => void this.#poll(), POLL_MS);
    void this.#poll();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#poller?.cancel();
    await this.#next?.catch(() => undefined);
    await this.#running?.catch(() => undefined);
  }

  async publish(field: string): Promise<number> {
    const wanted = this.#options.wanted();
    const isAsWanted = wanted !== undefined && this.#isAsWanted(field, wanted);
    if (!isAsWanted || this.#seq === undefined || this.#fault !== undefined) await this.#assertSoon();
    return this.#published.get(field)?.seq ?? this.#seq ?? 0;
  }

  async #poll(): Promise<void> {
    const { client, clock, logger, family, fence, wanted } = this.#options;
    if (this.#running !== undefined || !fence.isLeader) return;
    try {
      if (wanted() === undefined) return;
      const isDue = this.#isUnsure || clock.monotonicMs() >= this.#assertAtMs;
      if (!isDue && (await readSeq(client, this.#hash)) === this.#seq) return;
      this.#isUnsure = true;
      await this.#assertSoon();
    } catch (err) {
      this.#noteFailure(err);
      // The next second tries again.
      logger.debug({ err, family }, 'documents could not be asserted');
    }
  }

  /** One write at a time; it carries what is wanted when it begins, so whoever comes meanwhile shares the next one. */
  #assertSoon(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#assert().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#assertSoon();
      });
    return this.#next;
  }

  async #assert(): Promise<void> {
    this.#options.fence.check();
    try {
      if (!(await this.#sendChanges())) await this.#sendAll();
      this.#setFault(undefined);
    } catch (err) {
      this.#noteFailure(err);
      throw err;
    }
  }

  /** Whether that was enough: not when the set in Valkey is not, or may not be, the one that was published last. */
  async #sendChanges(): Promise<boolean> {
    const { client, family } = this.#options;
    if (this.#isUnsure || this.#seq === undefined) return false;
    const wanted = this.#wanted();
    const changes = new Map<string, string | undefined>();
    for (const field of new Set([...wanted.texts.keys(), ...this.#published.keys(), ...this.#inherited])) {
      if (!this.#isAsWanted(field, wanted)) changes.set(field, wanted.texts.get(field));
    }
    if (changes.size === 0) return true;
    const seq = await publishChanges(client, family, changes, this.#seq);
    if (seq === undefined) return false;
    for (const [field, json] of changes) this.#note(field, json, seq);
    this.#seq = seq;
    return true;
  }

  async #sendAll(): Promise<void> {
    const { client, family, clock, fence, random = Math.random } = this.#options;
    const fields = await this.#listFields();
    const documents = this.#documentsFor(this.#wanted(), fields);
    // The reading took time, in which another process may have taken over.
    fence.check();
    this.#take(documents, await publishDocuments(client, family, documents));
    this.#inherited = new Set(fields.filter((field) => !documents.has(field)));
    this.#isUnsure = false;
    this.#assertAtMs = clock.monotonicMs() + ASSERT_MS * (0.5 + random() / 2);
  }

  #wanted(): WantedDocuments {
    const wanted = this.#options.wanted();
    if (wanted === undefined || this.#isStopped) throw new Error('what is wanted is not known');
    return wanted;
  }

  #isAsWanted(field: string, { texts, kept }: WantedDocuments): boolean {
    if (kept.has(field)) return true;
    if (!texts.has(field)) return !this.#published.has(field) && !this.#inherited.has(field);
    return this.#published.get(field)?.json === texts.get(field);
  }

  #documentsFor({ texts, kept }: WantedDocuments, fields: readonly string[]): Map<string, string | undefined> {
    const documents = new Map<string, string | undefined>(texts);
    for (const field of fields) if (!texts.has(field) && !kept.has(field)) documents.set(field, undefined);
    for (const field of kept) {
      const last = this.#published.get(field)?.json;
      if (last !== undefined) documents.set(field, last);
    }
    return documents;
  }

  /** Names of the documents that Valkey has. */
  async #listFields(): Promise<readonly string[]> {
    // HKEYS answers texts.
    const names = (await this.#options.client.call('HKEYS', this.#hash)) as string[];
    return names.filter((name) => !name.includes('#'));
  }

  #take(documents: ReadonlyMap<string, string | undefined>, seq: number): void {
    const { logger, family } = this.#options;
    const gone = [...this.#published.keys()].filter((field) => documents.get(field) === undefined);
    const changed = [...documents].filter(([field, json]) => this.#published.get(field)?.json !== json);
    const isRestored = this.#seq !== undefined && seq !== this.#seq && gone.length + changed.length === 0;
    if (isRestored) logger.warn({ family, seq }, 'documents had been lost or changed in Valkey and are back');
    for (const field of gone) this.#published.delete(field);
    // What was merely restored is what its readers have had all along, since they keep what they have read.
    for (const [field, json] of changed) this.#note(field, json, seq);
    this.#seq = seq;
  }

  #note(field: string, json: string | undefined, seq: number): void {
    this.#inherited.delete(field);
    if (json === undefined) this.#published.delete(field);
    else this.#published.set(field, { json, seq });
  }

  /** What is not about Valkey (the fence, what is wanted) is no fault of the documents. */
  #noteFailure(err: unknown): void {
    if (!isWeirError(err)) return;
    // What had to be written may have been, or not.
    this.#isUnsure = true;
    const nowMs = this.#options.clock.monotonicMs();
    this.#failingSinceMs ??= nowMs;
    // A refusal does not pass by itself.
    if (nowMs - this.#failingSinceMs >= FAULT_AFTER_MS || err.code === 'VALKEY_REFUSED') this.#setFault(err);
  }

  #setFault(fault: WeirError | undefined): void {
    if (fault === undefined) this.#failingSinceMs = undefined;
    const hasChanged = this.#fault?.code !== fault?.code;
    this.#fault = fault;
    if (!hasChanged) return;
    for (const listener of this.#listeners) listener();
  }
}

async function readSeq(client: ValkeyClient, hash: string): Promise<number> {
  return Number((await client.call('HGET', hash, SEQ)) ?? 0);
}

export function createDocumentKeeper(options: DocumentKeeperOptions): DocumentKeeper {
  return new Keeper(options);
}
