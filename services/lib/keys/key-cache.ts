/**
 * Keys in memory, so that a request with a key in use costs no I/O.
 *
 * An entry answers at once for 10 s after a store confirmed it; from 8 s on its next use re-checks it in the background,
 * so that a key in steady use never waits. What a store says decides:
 *  - Valkey has it: confirmed, or replaced by a newer version; an older version counts as not there;
 *  - Valkey does not have it: Postgres is asked while the entry goes on answering, unless Valkey says that it is
 *    complete, which ends the key;
 *  - Valkey is away: the entry answers for up to 15 min since it was last confirmed, and Postgres is asked, for all
 *    such keys together every 100 ms.
 * A key that no entry knows waits for Valkey and then Postgres, one look-up for all who ask. Nobody gets "unknown"
 * because a store was away: that is "unavailable".
 *
 * Loss of Valkey's data: every second the cache asks Valkey for one key that it must hold. When that is gone, keys used
 * in the last minute are read from Postgres in batches and written back, and all others are re-checked at their next
 * use. They are never written back from memory: between loss and repair a key may have been revoked.
 */
import type { Clock, Timer } from '@weir/clock';
import type { ApiKeyRecord } from '@weir/wire';
import { createBoundedMap, type BoundedMap } from './bounded-map.ts';
import type { KeyCounters } from './key-counters.ts';
import type { KeySources } from './key-sources.ts';
import { newerRecord } from './newer-record.ts';
import { createRecheckBatch, type RecheckBatch } from './recheck-batch.ts';

export type KeyLookup =
  /** Revoked and expired keys too: what to do with them is the caller's. The same record as long as nothing in it changes. */
  | { readonly kind: 'found'; readonly key: ApiKeyRecord }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'unknown' }
  /** It could not be found out; never say that the key is wrong. */
  | { readonly kind: 'unavailable' };

export interface KeyCache {
  /** Synchronous for keys in use, for texts with a wrong checksum and for keys found unknown a moment ago. Never rejects. */
  lookup(text: string): KeyLookup | Promise<KeyLookup>;
  close(): void;
}

/** What a cache knows its keys by: their texts, or the hashes of these. */
export interface KeyNames {
  /** Whether a key may have this name; costs no I/O. */
  isName(name: string): boolean;
  sha256Of(name: string): string;
}

const REFRESH_AHEAD_MS = 8_000;
const FRESH_MS = 10_000;
const STALE_MS = 15 * 60_000;
/** Between tries to confirm an entry while its stores are away. */
const RETRY_MS = 1_000;
/** A key that is issued right after it was asked for is hidden no longer than this. */
const NEGATIVE_MS = 2_000;
const TICK_INTERVAL_MS = 100;
const PROBE_INTERVAL_MS = 1_000;
/** Keys used within this time are written back at once after a loss of data. */
const RESTORED_USE_MS = 60_000;
const RESTORE_BATCH = 500;
const ENTRIES_MAX = 100_000;
const NEGATIVES_MAX = 10_000;

const MALFORMED: KeyLookup = { kind: 'malformed' };
const UNKNOWN: KeyLookup = { kind: 'unknown' };
const UNAVAILABLE: KeyLookup = { kind: 'unavailable' };

interface Entry {
  used: boolean;
  readonly sha256: string;
  found: { readonly kind: 'found'; readonly key: ApiKeyRecord };
  lastUsedMs: number;
  /** When a store last confirmed it. */
  confirmedMs: number;
  /** From here on a look-up starts a re-check. */
  refreshAtMs: number;
  /** From here on a look-up waits for it. */
  freshUntilMs: number;
}

export interface LayeredKeyCacheOptions {
  readonly clock: Clock;
  readonly sources: KeySources;
  readonly count: KeyCounters;
  readonly names: KeyNames;
}

export class LayeredKeyCache implements KeyCache {
  readonly #clock: Clock;
  readonly #names: KeyNames;
  readonly #sources: KeySources;
  readonly #entries: BoundedMap<Entry> = createBoundedMap<Entry>(ENTRIES_MAX);
  readonly #negatives = createBoundedMap<{ used: boolean; untilMs: number }>(NEGATIVES_MAX);
  readonly #pending = new Map<string, Promise<KeyLookup>>();
  readonly #rechecks: RecheckBatch<Entry>;
  readonly #count: KeyCounters;
  readonly #probing: Timer;
  readonly #ticking: Timer;
  /** Hash of a key that Valkey held when it was last asked. */
  #probe: string | undefined;
  #isProbing = false;
  #isRepairing = false;
  /** When the loss was seen that is being repaired. */
  #lostAtMs = 0;
  /** The probe when it is known to be lost and was not replaced since: that it is still gone is no second loss. */
  #lostProbe: string | undefined;
  /** Monotonic time of the last tick: what look-ups need of it is told in seconds, and reading a clock costs. */
  #nowMs: number;

  constructor({ clock, sources, count, names }: LayeredKeyCacheOptions) {
    this.#clock = clock;
    this.#names = names;
    this.#sources = sources;
    this.#rechecks = createRecheckBatch(sources, (text, entry: Entry, stored) => this.#settle(text, entry, stored));
    this.#count = count;
    this.#nowMs = clock.monotonicMs();
    this.#ticking = clock.setInterval(() => {
      this.#nowMs = clock.monotonicMs();
      this.#rechecks.flush();
    }, TICK_INTERVAL_MS);
    this.#probing = clock.setInterval(() => void this.#detectLoss(), PROBE_INTERVAL_MS);
  }

  get size(): number {
    return this.#entries.size;
  }

  lookup(text: string): KeyLookup | Promise<KeyLookup> {
    const now = this.#nowMs;
    const entry = this.#entries.get(text);
    if (entry === undefined) return this.#lookupUnheld(text, now);
    entry.used = true;
    entry.lastUsedMs = now;
    if (now >= entry.refreshAtMs) {
      const recheck = this.#once(text, () => this.#recheck(text, entry));
      if (now >= entry.freshUntilMs) return recheck;
    }
    this.#count.memory.add();
    return entry.found;
  }

  close(): void {
    this.#ticking.cancel();
    this.#probing.cancel();
  }

  #lookupUnheld(text: string, now: number): KeyLookup | Promise<KeyLookup> {
    const negative = this.#negatives.get(text);
    if (negative !== undefined) {
      negative.used = true;
      if (now < negative.untilMs) return this.#counted(UNKNOWN);
      this.#negatives.delete(text);
    }
    if (!this.#names.isName(text)) return this.#counted(MALFORMED);
    return this.#once(text, () => this.#fetch(text));
  }

  /** One look-up at a time for a key, however many ask. */
  #once(text: string, run: () => Promise<KeyLookup>): Promise<KeyLookup> {
    const pending = this.#pending.get(text);
    if (pending !== undefined) return pending;
    const promise = run().finally(() => this.#pending.delete(text));
    this.#pending.set(text, promise);
    return promise;
  }

  async #fetch(text: string): Promise<KeyLookup> {
    const sha256 = this.#names.sha256Of(text);
    const cached = await this.#sources.readCached(sha256);
    if (cached.kind === 'found') {
      this.#probe = sha256;
      this.#count.valkey.add();
      return this.#admit(text, sha256, cached.record);
    }
    if (cached.kind === 'absent') return this.#refuse(text);
    const stored = await this.#sources.readStored([sha256], cached.kind === 'missing');
    if (stored === undefined) return this.#counted(UNAVAILABLE);
    const record = stored.get(sha256);
    if (record === undefined) return this.#refuse(text);
    if (cached.kind === 'missing') this.#probe = sha256;
    this.#count.postgres.add();
    return this.#admit(text, sha256, record);
  }

  #admit(text: string, sha256: string, record: ApiKeyRecord): KeyLookup {
    const now = this.#clock.monotonicMs();
    const found = { kind: 'found', key: record } as const;
    const times = { lastUsedMs: now, confirmedMs: now, refreshAtMs: 0, freshUntilMs: 0 };
    const entry: Entry = { used: false, sha256, found, ...times };
    this.#confirm(entry, record);
    this.#negatives.delete(text);
    this.#entries.set(text, entry);
    return found;
  }

  #refuse(text: string): KeyLookup {
    this.#entries.delete(text);
    this.#negatives.set(text, { used: false, untilMs: this.#clock.monotonicMs() + NEGATIVE_MS });
    return this.#counted(UNKNOWN);
  }

  /** Whether the record confirms the entry: an older one, from a store that is behind, does not. */
  #confirm(entry: Entry, record: ApiKeyRecord): boolean {
    const key = newerRecord(entry.found.key, record);
    if (key === undefined) return false;
    if (key !== entry.found.key) entry.found = { kind: 'found', key };
    entry.confirmedMs = this.#clock.monotonicMs();
    entry.refreshAtMs = entry.confirmedMs + REFRESH_AHEAD_MS;
    entry.freshUntilMs = entry.confirmedMs + FRESH_MS;
    return true;
  }

  async #recheck(text: string, entry: Entry): Promise<KeyLookup> {
    const cached = await this.#sources.readCached(entry.sha256);
    if (cached.kind === 'absent') return this.#refuse(text);
    if (cached.kind === 'found' && this.#confirm(entry, cached.record)) {
      this.#probe = entry.sha256;
      this.#count.valkey.add();
      return entry.found;
    }
    this.#rechecks.add(text, entry, cached.kind !== 'unreachable');
    return this.#answerStale(text, entry);
  }

  #answerStale(text: string, entry: Entry): KeyLookup {
    const now = this.#clock.monotonicMs();
    if (now - entry.confirmedMs > STALE_MS) {
      this.#entries.delete(text);
      return this.#counted(UNAVAILABLE);
    }
    entry.refreshAtMs = now + RETRY_MS;
    entry.freshUntilMs = now + RETRY_MS;
    this.#count.stale.add();
    return entry.found;
  }

  /** What Postgres says of an entry. */
  #settle(text: string, entry: Entry, stored: ReadonlyMap<string, ApiKeyRecord>): void {
    // The entry was given up meanwhile, and what is there now was found out later.
    if (this.#entries.get(text) !== entry) return;
    const record = stored.get(entry.sha256);
    if (record === undefined) this.#refuse(text);
    else this.#confirm(entry, record);
  }

  async #detectLoss(): Promise<void> {
    const probe = this.#probe;
    if (probe === undefined || this.#isProbing) return;
    this.#isProbing = true;
    try {
      const isLost = !(await this.#sources.isCached(probe));
      if (isLost) this.#noteLoss(probe);
      this.#lostProbe = undefined;
      if (isLost || this.#isRepairing) this.#isRepairing = !(await this.#restore());
      // The same probe starts a repair again that Postgres could not be asked for.
      if (this.#isRepairing && this.#probe === undefined) {
        this.#probe = probe;
        this.#lostProbe = probe;
      }
    } catch {
      // Valkey is away, which is no loss of data.
    } finally {
      this.#isProbing = false;
    }
  }

  #noteLoss(probe: string): void {
    this.#probe = undefined;
    if (probe === this.#lostProbe) return;
    this.#lostAtMs = this.#clock.monotonicMs();
    this.#count.losses.add();
  }

  /** Whether Postgres could be asked for every key in use that no store has confirmed since the loss. */
  async #restore(): Promise<boolean> {
    const now = this.#clock.monotonicMs();
    const inUse: [string, Entry][] = [];
    for (const [text, entry] of this.#entries.entries()) {
      if (entry.confirmedMs >= this.#lostAtMs) continue;
      entry.refreshAtMs = 0;
      if (now - entry.lastUsedMs <= RESTORED_USE_MS) inUse.push([text, entry]);
    }
    for (let from = 0; from < inUse.length; from += RESTORE_BATCH) {
      const batch = inUse.slice(from, from + RESTORE_BATCH);
      const stored = await this.#sources.readStored(
        batch.map(([, entry]) => entry.sha256),
        true,
      );
      if (stored === undefined) return false;
      for (const [text, entry] of batch) {
        this.#settle(text, entry, stored);
        if (stored.has(entry.sha256)) this.#probe = entry.sha256;
      }
    }
    return true;
  }

  #counted(answer: KeyLookup): KeyLookup {
    if (answer.kind !== 'found') this.#count[answer.kind].add();
    return answer;
  }
}
