/**
 * T1: the prices of every declared pair, in memory.
 *
 * A slot exists for each asset of each feed document, with or without a price; it keeps what its answers are made of, so
 * that a request costs one map look-up. Slots survive a change of documents as long as their pair is declared.
 */
import { formatPair, priceJsonHead, type PriceConfirmation, type PriceRecord } from '@weir/wire';
import type { Feed } from './read-documents.ts';

/** A feed as its document and its batches on `price:updates` show it. */
export interface FeedState {
  readonly name: string;
  document: Feed;
  /** Of the last batch. */
  lease: string | undefined;
  lastNumber: number;
  /** Monotonic instant of the last batch; creation counts as one. */
  lastHeardMs: number;
  /** Its batches do not arrive, so that its prices in memory may be behind those in Valkey. */
  isSilent: boolean;
  slots: readonly Slot[];
  /** What `/assets` says of it, made when it is first asked for. */
  listing: string | undefined;
}

export interface Slot {
  readonly pair: string;
  feed: FeedState;
  record: PriceRecord | undefined;
  /** Beginning of the record's JSON, made when it is first asked for. */
  head: string | undefined;
  /** UTF-8 bytes of `head` beyond one for each character: 0 unless a source has a name beyond ASCII. */
  headExtraBytes: number;
  /** Server time of the last request; 0 before the first. */
  lastAskedMs: number;
  /** Monotonic instant of the last look into Valkey. */
  checkedMs: number;
  /** Monotonic instant before which no venue is asked for it. */
  fetchFromMs: number;
  /** Of a pair that no feed keeps. */
  readonly isOnDemand: boolean;
  /** Of such a pair: names of the feeds whose venues may be asked; `undefined`: all. */
  readonly feeds: ReadonlySet<string> | undefined;
}

/** Further than this ahead of the server's clock, a held record is of data that the server no longer has. */
const FUTURE_TOLERANCE_MS = 5_000;

/**
 * Whether `incoming` replaces `held`: its `seq` is greater. Since a `seq` is at least the server's time in µs, a held one
 * from the future proves that the server was replaced by one whose clock is behind; then the smaller `seq` is the newer,
 * and without this rule such a pod would refuse every price until the clock has caught up.
 */
export function supersedes(held: PriceRecord | undefined, incoming: PriceRecord, serverNowMs: number): boolean {
  if (held === undefined || incoming.seq > held.seq) return true;
  return incoming.seq < held.seq && held.seq > (serverNowMs + FUTURE_TOLERANCE_MS) * 1_000;
}

export interface PriceTable {
  readonly feeds: ReadonlyMap<string, FeedState>;
  readonly size: number;
  /** By the one spelling of a pair, "BTC" or "BTC-EUR". */
  slot(pair: string): Slot | undefined;
  slots(): Iterable<Slot>;
  /** Follows the documents; returns the slots that are new. */
  declare(documents: ReadonlyMap<string, Feed>, monotonicMs: number): readonly Slot[];
  /** Keeps a record if it is newer than the one held; false also for pairs that no document declares. */
  apply(record: PriceRecord, serverNowMs: number): boolean;
  /** Moves the instant of a record that stands; the slot when its record was missed, which then has to be read. */
  confirm(feed: FeedState, confirmation: PriceConfirmation): Slot | undefined;
}

export function createPriceTable(): PriceTable {
  let feeds: ReadonlyMap<string, FeedState> = new Map();
  let slots: ReadonlyMap<string, Slot> = new Map();

  return {
    get feeds() {
      return feeds;
    },
    get size() {
      return slots.size;
    },
    slot: (pair) => slots.get(pair),
    slots: () => slots.values(),
    declare(documents, monotonicMs) {
      const previous = slots;
      ({ feeds, slots } = arrange(documents, { feeds, slots }, monotonicMs));
      return [...slots.values()].filter((slot) => !previous.has(slot.pair));
    },
    apply(record, serverNowMs) {
      const slot = slots.get(formatPair(record));
      return slot !== undefined && applyRecord(slot, record, serverNowMs);
    },
    confirm({ document: { quote } }, { asset, sinceSeq, seq, confirmedAtMs }) {
      const slot = slots.get(formatPair({ asset, quote }));
      if (slot === undefined) return undefined;
      const { record } = slot;
      // One that was fetched for a request is not the feed's, whatever its number.
      if (record === undefined || record.seq < sinceSeq || record.flags?.includes('fetched')) return slot;
      if (record.seq >= seq) return undefined;
      slot.record = { ...record, seq, confirmedAtMs };
      slot.head = undefined;
      return undefined;
    },
  };
}

/** Keeps a record if it is newer than the one held. */
export function applyRecord(slot: Slot, record: PriceRecord, serverNowMs: number): boolean {
  if (!supersedes(slot.record, record, serverNowMs)) return false;
  slot.record = record;
  slot.head = undefined;
  return true;
}

interface Arrangement {
  readonly feeds: ReadonlyMap<string, FeedState>;
  readonly slots: ReadonlyMap<string, Slot>;
}

/** A pair belongs to one feed; documents that break that rule get it by name, so that all pods agree. */
function arrange(documents: ReadonlyMap<string, Feed>, previous: Arrangement, monotonicMs: number): Arrangement {
  const feeds = new Map<string, FeedState>();
  const slots = new Map<string, Slot>();
  const byName = [...documents.values()].toSorted((a, b) => (a.feed < b.feed ? -1 : 1));
  for (const document of byName) {
    const feed = previous.feeds.get(document.feed) ?? newFeed(document, monotonicMs);
    const pairs = document.assets.map((asset) => formatPair({ asset, quote: document.quote }));
    feed.document = document;
    feed.listing = undefined;
    feed.slots = pairs
      .filter((pair) => !slots.has(pair))
      .map((pair) => previous.slots.get(pair) ?? newSlot(pair, feed));
    for (const slot of feed.slots) {
      slot.feed = feed;
      slots.set(slot.pair, slot);
    }
    feeds.set(document.feed, feed);
  }
  return { feeds, slots };
}

export function newFeed(document: Feed, monotonicMs: number): FeedState {
  return {
    name: document.feed,
    document,
    lease: undefined,
    lastNumber: 0,
    lastHeardMs: monotonicMs,
    isSilent: false,
    slots: [],
    listing: undefined,
  };
}

export function newSlot(pair: string, feed: FeedState, isOnDemand = false, feeds?: ReadonlySet<string>): Slot {
  return {
    pair,
    feed,
    record: undefined,
    head: undefined,
    headExtraBytes: 0,
    lastAskedMs: 0,
    checkedMs: Number.NEGATIVE_INFINITY,
    fetchFromMs: Number.NEGATIVE_INFINITY,
    isOnDemand,
    feeds,
  };
}

/** The cached beginning of a slot's JSON. */
export function headOf(slot: Slot, record: PriceRecord): string {
  if (slot.head !== undefined) return slot.head;
  const head = priceJsonHead(record);
  slot.head = head;
  slot.headExtraBytes = Buffer.byteLength(head) - head.length;
  return head;
}
