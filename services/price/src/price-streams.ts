/**
 * All open streams of this process: their rounds, their minutes, their keys, and their end.
 *
 * Guarantees: never more than so many; every started minute is paid (see `stream-minutes.ts`), or the stream ends
 * saying why; a key that is revoked ends its streams within 1 s, with one look into Valkey every 0.8 s for each key,
 * however many streams it has; a stop ends all before the server closes. Does not: let anybody in (see `stream-route.ts`).
 */
import type { Clock, Timer } from '@weir/clock';
import { problemOf, type ProblemSource } from '@weir/http';
import { keyspace } from '@weir/keyspace';
import { SLOT_RENEWAL_MS, type Limiter, type Slot as ConcurrencySlot } from '@weir/limiter';
import type { Logger } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import { decodeApiKeyRecord, priceJson, priceStatus, type ApiKeyRecord } from '@weir/wire';
import type { AuthorizeHash, Judge } from './authorize.ts';
import { describeNoSlot } from './limit-headers.ts';
import type { Access } from './policy-directory.ts';
import type { PriceApi } from './price-api.ts';
import { PriceStream, STREAM_LIMITS, type Round, type Sink, type StreamLimits } from './price-stream.ts';
import { headOf, type Slot } from './price-table.ts';
import type { PriceReader } from './read-price.ts';
import { Refusal } from './refusal.ts';
import { ageMsOf } from './render-price.ts';
import type { StreamMetrics } from './stream-metrics.ts';
import { StreamMinutes, type MinutesParts, type Unpaid } from './stream-minutes.ts';

export interface ClientSink extends Sink {
  /** Sends the last text, behind what is unsent. */
  end(text: string): void;
  /** Drops the connection. */
  destroy(): void;
}

export interface OpenStream {
  readonly access: Access;
  /** Of the text of the key. */
  readonly sha256: string;
  readonly slots: readonly Slot[];
  readonly concurrency: ConcurrencySlot | undefined;
  readonly sink: ClientSink;
}

export interface PriceStreams {
  readonly size: number;
  readonly isFull: boolean;
  /** How many a key may have here when its policy says nothing: nobody takes every place by being first. */
  readonly keyStreamsMax: number;
  countOf(keyId: string): number;
  /** Its first minute is paid. The client is sent the whole of its pairs at once; answers how to say that it has left. */
  open(stream: OpenStream): () => void;
  /** Ends all; from here on it is full. */
  close(): void;
}

export interface PriceStreamsOptions {
  readonly api: Pick<PriceApi, 'table' | 'metrics' | 'serverTimeMs'> & {
    readonly limiter: Pick<Limiter, 'decide'>;
    readonly reader: Pick<PriceReader, 'check'>;
  };
  readonly valkey: { readonly bulk: Pick<ValkeyClient, 'hgetall'> };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: StreamMetrics;
  /** Both of the protocol sse. */
  readonly authorizeHash: AuthorizeHash;
  readonly judge: Judge;
  readonly streamsMax: number;
  readonly limits?: StreamLimits | undefined;
  readonly random?: () => number;
}

/** Between two rounds: no client is sent more often. */
const ROUND_MS = 100;
/** Of the places of a process, for a key whose policy sets no limit. */
const KEY_SHARE = 0.1;
/** Every so many rounds a stream's ages, documents and key are looked at too. */
const THOROUGH_ROUNDS = 10;
/** Every so many rounds the keys are read, so that a revocation has ended their streams within a second. */
const KEY_ROUNDS = 8;
/** A client that does not take the last event is cut off. */
const LAST_EVENT_MS = 5_000;
/** Clients of a process that stops come back between these, so that not all ask the others in the same instant. */
const RETURN_MS_MIN = 500;
const RETURN_MS_MAX = 2_500;

interface Entry extends OpenStream {
  access: Access;
  readonly stream: PriceStream;
  /** Which of its rounds are thorough: not all streams in the same one, which would keep requests waiting. */
  readonly turn: number;
  readonly minutes: StreamMinutes;
  nextRenewalMs: number;
}

interface HeldKey {
  record: ApiKeyRecord;
  streams: number;
}

export function createPriceStreams(options: PriceStreamsOptions): PriceStreams {
  return new Streams(options);
}

class Streams implements PriceStreams {
  readonly #options: PriceStreamsOptions;
  readonly #entries = new Set<Entry>();
  /** The newest form of each key that has a stream, and how many it has. */
  readonly #keys = new Map<string, HeldKey>();
  /** By the id of the key, of which there may be several texts. */
  readonly #counts = new Map<string, number>();
  readonly #minutesParts: MinutesParts;
  readonly #timer: Timer;
  #rounds = 0;
  #opened = 0;
  #isReadingKeys = false;
  #isClosed = false;

  constructor(options: PriceStreamsOptions) {
    this.#options = options;
    this.#minutesParts = { ...options.api, authorizeHash: options.authorizeHash };
    this.#timer = options.clock.setInterval(() => this.#step(), ROUND_MS);
  }

  get size(): number {
    return this.#entries.size;
  }

  get isFull(): boolean {
    return this.#isClosed || this.#entries.size >= this.#options.streamsMax;
  }

  get keyStreamsMax(): number {
    return Math.ceil(this.#options.streamsMax * KEY_SHARE);
  }

  countOf(keyId: string): number {
    return this.#counts.get(keyId) ?? 0;
  }

  open(opened: OpenStream): () => void {
    const { clock, limits = STREAM_LIMITS } = this.#options;
    const nowMs = clock.monotonicMs();
    const stream = new PriceStream(opened.slots, opened.sink, opened.access.allowStale, limits);
    const minutes = new StreamMinutes(this.#minutesParts, opened.sha256, stream.size, nowMs);
    const turn = this.#opened % THOROUGH_ROUNDS;
    const entry: Entry = { ...opened, stream, minutes, turn, nextRenewalMs: nowMs + SLOT_RENEWAL_MS };
    this.#opened += 1;
    this.#entries.add(entry);
    this.#count(opened.access.keyId, 1);
    const held = this.#keys.get(entry.sha256);
    if (held === undefined) this.#keys.set(entry.sha256, { record: opened.access.key, streams: 1 });
    else held.streams += 1;
    this.#send(entry, this.#beginRound());
    return () => this.#drop(entry, 'left');
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
    const { random = Math.random } = this.#options;
    for (const entry of this.#entries) {
      const retryMs = RETURN_MS_MIN + random() * (RETURN_MS_MAX - RETURN_MS_MIN);
      this.#end(entry, { code: 'DRAINING' }, 'draining', retryMs);
    }
  }

  #step(): void {
    this.#rounds += 1;
    const turn = this.#rounds % THOROUGH_ROUNDS;
    if (this.#rounds % KEY_ROUNDS === 0) void this.#readKeys();
    const plain = this.#beginRound();
    const thorough: Round = { ...plain, isThorough: true };
    for (const entry of this.#entries) {
      const round = entry.turn === turn ? thorough : plain;
      if (round.isThorough) this.#judge(entry);
      // One that was refused just now has been told why already.
      if (!this.#entries.has(entry)) continue;
      this.#send(entry, round);
      const paying = entry.minutes.pay(round.monotonicMs);
      if (paying !== undefined) void this.#finishPaying(entry, paying);
      if (round.monotonicMs >= entry.nextRenewalMs) void this.#renew(entry);
    }
  }

  #beginRound(): Round {
    const { api, clock, metrics } = this.#options;
    const serverNowMs = api.serverTimeMs();
    const events = new Map<Slot, string>();
    return {
      monotonicMs: clock.monotonicMs(),
      table: api.table,
      isThorough: false,
      ageMsOf: (slot) => ageMsOf(slot, serverNowMs),
      statusOf: (slot, ageMs) => priceStatus(ageMs, slot.feed.document.freshness),
      priceEvent(slot, record, ageMs, status) {
        metrics.events.add();
        const made = events.get(slot);
        if (made !== undefined) return made;
        const data = priceJson(headOf(slot, record), true, ageMs, status);
        const event = `event: price\nid: ${record.seq}\ndata: ${data}\n\n`;
        events.set(slot, event);
        return event;
      },
    };
  }

  #send(entry: Entry, round: Round): void {
    if (entry.stream.send(round) !== 'slow') return;
    this.#drop(entry, 'slow');
    entry.sink.destroy();
  }

  /** By what memory knows of key and policies; also keeps its prices current, as a request for them would. */
  #judge(entry: Entry): void {
    const { api, judge } = this.#options;
    const record = this.#keys.get(entry.sha256)?.record;
    const access = record === undefined ? entry.access : judge(record);
    if (access instanceof Refusal) return this.#end(entry, access.problem, 'refused');
    entry.access = access;
    entry.stream.allowStale = access.allowStale;
    const serverNowMs = api.serverTimeMs();
    for (const slot of entry.stream.slots()) {
      if (access.feeds !== undefined && !access.feeds.has(slot.feed.name) && !access.isDryRun)
        return this.#end(entry, { code: 'ASSET_NOT_ALLOWED' }, 'refused');
      slot.lastAskedMs = serverNowMs;
      void api.reader.check(slot, ageMsOf(slot, serverNowMs));
    }
  }

  async #readKeys(): Promise<void> {
    if (this.#isReadingKeys) return;
    this.#isReadingKeys = true;
    const { bulk } = this.#options.valkey;
    const read = async ([sha256, held]: [string, HeldKey]): Promise<void> => {
      const record = decodeApiKeyRecord(await bulk.hgetall(keyspace.apiKey.key({ sha256 })));
      // Not there says nothing: Valkey may have lost it. The next minute asks Postgres.
      if (record !== undefined && record.version > held.record.version) held.record = record;
    };
    // While Valkey is away the last form stays.
    await Promise.allSettled([...this.#keys].map(read));
    this.#isReadingKeys = false;
    for (const entry of this.#entries) {
      if (this.#keys.get(entry.sha256)?.record !== entry.access.key) this.#judge(entry);
    }
  }

  async #finishPaying(entry: Entry, paying: Promise<Unpaid | undefined>): Promise<void> {
    const unpaid = await paying;
    if (unpaid !== undefined) this.#end(entry, unpaid.problem, 'refused', unpaid.retryMs);
  }

  async #renew(entry: Entry): Promise<void> {
    entry.nextRenewalMs += SLOT_RENEWAL_MS;
    const { concurrency, access } = entry;
    if (concurrency === undefined) return;
    const limit = access.concurrency ?? Number.MAX_SAFE_INTEGER;
    if ((await concurrency.renew(limit)) || !this.#entries.has(entry)) return;
    const refused = { kind: 'refused', limit: 'concurrency', used: limit } as const;
    this.#end(entry, describeNoSlot(limit, refused, this.#options.api.serverTimeMs()).problem, 'refused');
  }

  #end(entry: Entry, source: ProblemSource, reason: 'refused' | 'draining', retryMs?: number): void {
    if (!this.#entries.has(entry)) return;
    const { code, status, detail, fix } = problemOf(source);
    const data = { code, status, detail, ...(retryMs !== undefined && { retry_ms: Math.ceil(retryMs) }), fix };
    this.#drop(entry, reason);
    const wait = retryMs === undefined ? '' : `retry: ${Math.ceil(retryMs)}\n`;
    entry.sink.end(`${wait}event: end\ndata: ${JSON.stringify(data)}\n\n`);
    this.#options.clock.setTimeout(() => entry.sink.destroy(), LAST_EVENT_MS);
  }

  #count(keyId: string, by: number): void {
    const count = this.countOf(keyId) + by;
    if (count > 0) this.#counts.set(keyId, count);
    else this.#counts.delete(keyId);
  }

  #drop(entry: Entry, reason: 'left' | 'slow' | 'refused' | 'draining'): void {
    if (!this.#entries.delete(entry)) return;
    this.#options.metrics.ended[reason].add();
    entry.concurrency?.release();
    this.#count(entry.access.keyId, -1);
    const held = this.#keys.get(entry.sha256);
    if (held === undefined) return;
    held.streams -= 1;
    if (held.streams === 0) this.#keys.delete(entry.sha256);
  }
}
