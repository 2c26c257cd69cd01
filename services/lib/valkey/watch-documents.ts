/**
 * Keeps a process's copy of the documents of a family: told by the channel, checked by a poll.
 *
 * The copy outlives its source: while Valkey or the hash is gone it stays as it was last. Only what has changed is read
 * and parsed again, so a document that has not keeps its identity from one snapshot to the next.
 */
import type { Clock, Timer } from '@weir/clock';
import { WeirError } from '@weir/errors';
import type { Logger } from '@weir/telemetry';

import { decodeDocumentUpdate, familyKeys, isDocumentField, type DocumentFamily } from './document-format.ts';
import { readAllDocuments, readDocuments, readSeq, type DocumentTexts } from './read-documents.ts';
import type { Subscription } from './subscriber.ts';
import type { Valkey } from './valkey.ts';

export interface WatchDocumentsOptions<T> {
  readonly valkey: Pick<Valkey, 'bulk' | 'subscribe'>;
  readonly family: DocumentFamily;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `undefined` for a text that is no such document: it is logged, and the one before it stays. */
  readonly parse: (json: string) => T | undefined;
  /** After the first read, even of nothing, and whenever a wanted document has changed. */
  onChange(snapshot: ReadonlyMap<string, T>, seq: number): void;
  /** Whenever `seq` or `appliedSeq` is another one, also when no wanted document has changed; after `onChange`. */
  readonly onSeq?: (seq: number) => void;
  /** Which documents are wanted; all of them when absent. */
  readonly fields?: (field: string) => boolean;
}

export interface DocumentWatch<T> {
  /** By field, `<namespace>/<name>`; a new map for every change. */
  readonly snapshot: ReadonlyMap<string, T>;
  /** What has been read; it rises also when none of the wanted documents has changed. */
  readonly seq: number;
  /**
   * Up to where the snapshot is as the documents say: `seq`, or less while one of them cannot be read, as in a process that
   * is older than who wrote it. Then it stays below the number that brought that text, until it can be read or is gone.
   */
  readonly appliedSeq: number;
  /** Resolves with the first read, even of nothing. */
  readonly ready: Promise<void>;
  /** Resolves once the snapshot is at least as new as this call; rejects when Valkey cannot be asked. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

const POLL_MS = 1_000;
/** A message may be on its way while the poll overtakes it on another connection. */
const OVERTAKEN_MS = 100;
/** After so many characters of JSON the event loop gets its turn. */
const PARSE_CHARS_MAX = 65_536;

/** A copy in the making. */
interface Copy<T> {
  readonly texts: Map<string, string>;
  readonly snapshot: Map<string, T>;
  /** Fields whose text is no document to this process. */
  readonly unread: Set<string>;
}

const yieldToLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Watcher<T> implements DocumentWatch<T> {
  readonly #options: WatchDocumentsOptions<T>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #subscription: Subscription;
  readonly #poller: Timer;
  #recheck: Timer | undefined;
  #texts: ReadonlyMap<string, string> = new Map();
  #snapshot: ReadonlyMap<string, T> = new Map();
  #seq = 0;
  /** By field whose text cannot be read: the last seq before that text. */
  #unread: ReadonlyMap<string, number> = new Map();
  /** The seq that is reached once `#pending` has been read. */
  #announced = 0;
  #pending: Set<string> | 'all' | undefined;
  #isReading = false;
  #reading: Promise<void> = Promise.resolve();
  #isLoaded = false;
  #isLost = false;
  #isClosed = false;

  constructor(options: WatchDocumentsOptions<T>) {
    this.#options = options;
    this.#ready.promise.catch(() => {});
    const check = (): void => void this.#check(false);
    this.#poller = options.clock.setInterval(check, POLL_MS);
    this.#subscription = options.valkey.subscribe([familyKeys(options.family).channel], {
      message: (_channel, text) => this.#hear(text),
      up: check,
    });
  }

  get snapshot(): ReadonlyMap<string, T> {
    return this.#snapshot;
  }

  get seq(): number {
    return this.#seq;
  }

  get appliedSeq(): number {
    return Math.min(this.#seq, ...this.#unread.values());
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#poller.cancel();
    this.#recheck?.cancel();
    this.#ready.reject(new WeirError('VALKEY_UNAVAILABLE', { detail: 'closed before the documents were read' }));
    await this.#subscription.close();
  }

  #hear(text: string): void {
    const update = decodeDocumentUpdate(text);
    if (update !== undefined && update.seq <= this.#announced) return;
    if (update === undefined || update.previous !== this.#announced) {
      // Something was missed.
      if (this.#isReading) this.#pending = 'all';
      else void this.#check(true);
      return;
    }
    this.#announced = update.seq;
    if (this.#pending !== 'all') {
      this.#pending = new Set([...(this.#pending ?? []), ...update.fields.filter((field) => this.#isWanted(field))]);
    }
    void this.#read();
  }

  #isWanted(field: string): boolean {
    return isDocumentField(field) && (this.#options.fields?.(field) ?? true);
  }

  /** Compares the number; the documents are read when it is another one, now or still after a moment. */
  async #check(isSure: boolean): Promise<void> {
    const { valkey, family, clock } = this.#options;
    try {
      const seq = await readSeq(valkey.bulk, family);
      if (this.#isClosed || this.#isReading) return;
      if (this.#isLoaded && (seq === this.#seq || this.#keepLost(seq))) return;
      if (this.#isLoaded && !isSure) {
        this.#recheck ??= clock.setTimeout(() => {
          this.#recheck = undefined;
          void this.#check(true);
        }, OVERTAKEN_MS);
        return;
      }
      this.#pending = 'all';
      await this.#read();
    } catch {
      // The client counts its failures; the next poll tries again.
    }
  }

  /** Whether the hash is gone; what was in it stays. */
  #keepLost(seq: number): boolean {
    const isLost = seq === 0;
    if (isLost && !this.#isLost) {
      this.#options.logger.warn({ family: this.#options.family }, 'documents are gone from Valkey, the last ones stay');
    }
    this.#isLost = isLost;
    return isLost;
  }

  async refresh(): Promise<void> {
    const { valkey, family } = this.#options;
    const seq = await readSeq(valkey.bulk, family);
    if (this.#isLoaded && (seq === this.#seq || this.#keepLost(seq))) return;
    this.#pending = 'all';
    await this.#read();
    if (this.#seq < seq) throw new WeirError('VALKEY_UNAVAILABLE', { detail: 'the documents could not be read' });
  }

  /** One read at a time; what is asked for meanwhile is read next. */
  #read(): Promise<void> {
    if (!this.#isReading) this.#reading = this.#readPending();
    return this.#reading;
  }

  async #readPending(): Promise<void> {
    this.#isReading = true;
    try {
      while (this.#pending !== undefined && !this.#isClosed) {
        const wanted = this.#pending;
        this.#pending = undefined;
        await this.#readOnce(wanted);
      }
    } catch (err) {
      // What is missing is found by the next poll, since the number has not been taken over.
      this.#pending = undefined;
      this.#announced = this.#seq;
      this.#options.logger.debug({ err }, 'documents could not be read');
    } finally {
      this.#isReading = false;
    }
  }

  async #readOnce(wanted: Set<string> | 'all'): Promise<void> {
    const { valkey, family } = this.#options;
    const covered = this.#announced;
    if (wanted === 'all') {
      const read = await readAllDocuments(valkey.bulk, family, (field) => this.#isWanted(field));
      if (this.#isLoaded && this.#keepLost(read.seq)) return;
      await this.#apply(read, new Map(), read.seq);
      return;
    }
    const read = wanted.size === 0 ? undefined : await readDocuments(valkey.bulk, family, [...wanted]);
    if (read !== undefined && read.seq < covered) throw new Error('the documents went back');
    await this.#apply(read ?? { seq: covered, texts: new Map() }, this.#texts, covered);
  }

  /** `kept` are the texts of documents that were not read. */
  async #apply(read: DocumentTexts, kept: ReadonlyMap<string, string>, seq: number): Promise<void> {
    const copy: Copy<T> = { texts: new Map(kept), snapshot: new Map(), unread: new Set() };
    for (const field of kept.keys()) this.#carry(field, copy);
    let parsedChars = 0;
    for (const [field, text] of read.texts) {
      if (text !== undefined && this.#texts.get(field) === text) {
        copy.texts.set(field, text);
        this.#carry(field, copy);
        continue;
      }
      copy.texts.delete(field);
      copy.snapshot.delete(field);
      copy.unread.delete(field);
      if (text === undefined) continue;
      copy.texts.set(field, text);
      parsedChars += text.length;
      if (parsedChars > PARSE_CHARS_MAX) {
        parsedChars = 0;
        await yieldToLoop();
      }
      this.#parse(field, text, copy);
    }
    this.#take(copy, seq);
  }

  /** As it was. */
  #carry(field: string, { snapshot, unread }: Copy<T>): void {
    const document = this.#snapshot.get(field);
    if (document !== undefined) snapshot.set(field, document);
    if (this.#unread.has(field)) unread.add(field);
  }

  #parse(field: string, text: string, copy: Copy<T>): void {
    const { parse, logger, family } = this.#options;
    let cause: unknown;
    try {
      const document = parse(text);
      if (document !== undefined) return void copy.snapshot.set(field, document);
    } catch (err) {
      cause = err;
    }
    logger.error({ family, field, err: cause }, 'a document cannot be read, the last one stays');
    this.#carry(field, copy);
    copy.unread.add(field);
  }

  #take({ texts, snapshot, unread }: Copy<T>, seq: number): void {
    if (this.#isClosed) return;
    const hasChanged =
      snapshot.size !== this.#snapshot.size ||
      [...snapshot].some(([field, document]) => this.#snapshot.get(field) !== document);
    const isFirst = !this.#isLoaded;
    const { seq: seqBefore, appliedSeq: appliedBefore } = this;
    this.#texts = texts;
    this.#snapshot = snapshot;
    this.#unread = new Map([...unread].map((field) => [field, this.#lastSeqBefore(field, seq)]));
    this.#seq = seq;
    // What is pending reaches further; else this is all there is, even after the number went back.
    this.#announced = this.#pending === undefined ? seq : Math.max(this.#announced, seq);
    this.#isLoaded = true;
    this.#isLost = false;
    try {
      if (hasChanged || isFirst) this.#options.onChange(snapshot, seq);
      if (seq !== seqBefore || this.appliedSeq !== appliedBefore) this.#options.onSeq?.(seq);
    } catch (err) {
      this.#options.logger.error({ err }, 'a change of documents could not be handled');
    }
    this.#ready.resolve();
  }

  /** Of a text that cannot be read; numbers that went back do not compare with those before, so nothing is sure then. */
  #lastSeqBefore(field: string, seq: number): number {
    return seq < this.#seq ? 0 : (this.#unread.get(field) ?? this.#seq);
  }
}

export function watchDocuments<T>(options: WatchDocumentsOptions<T>): DocumentWatch<T> {
  return new Watcher(options);
}
