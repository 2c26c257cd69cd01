/**
 * Throws mutated frames of all venues at connectors, and holds what comes of them, by way of a feed's book, against what
 * readers of records take. Throws itself at the first record that they would refuse. The same seed gives the same frames.
 */
import { createFakeClock, silentLogger, type FakeClock } from '@weir/testing';
import { venues, type Instrument, type Venue } from '../../services/lib/venues/index.ts';
import { decodePriceRecord, DECIMAL_ONE, type FeedDocument } from '@weir/wire';
import { createConnector, type Connector, type SourceQuote } from '../../services/feed/src/connect/connector.ts';
import type { SocketHandlers } from '../../services/feed/src/connect/socket.ts';
import { createQuoteBook, type QuoteBook } from '../../services/feed/src/keep-quotes.ts';
import { createRecordWriter } from '../../services/feed/src/write-record.ts';
import { documentWith } from '../../services/feed/test/sample-document.ts';
import { createRandom, mutate, type Random } from '../../services/lib/venues/test/mutate-text.ts';
import { VENUE_SHAPES } from '../../services/lib/venues/test/venue-shapes.ts';

export interface PriceFuzzReport {
  readonly frames: number;
  readonly quotes: number;
  readonly records: number;
  /** Quotes by exchange: one without any would not have been tested. */
  readonly quotesByVenue: Readonly<Record<string, number>>;
}

/** As long as texts of prices get, and beyond. */
const EXTREMES = ['999999999999999', '999999999999999.9', '0.000000000000000001', '1e-18', '9.99e14', '1e15', '1'];
const EXTREME_SHARE = 0.3;
const OTHERS_SHARE = 0.02;
/** Time passes by every fourth frame, so that leaps are believed, and connections lost and made. */
const FRAMES_EVERY_MS = 400;

export async function fuzzPrices(frames: number, seed: number): Promise<PriceFuzzReport> {
  const random = createRandom(seed);
  const clock = createFakeClock(Date.UTC(2027, 0, 1));
  const world = createWorld(clock, random);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  let records = 0;
  try {
    for (let made = 0; made < frames; made++) {
      const { venue, priced, others, socket } = pick(world.listeners);
      const shape = pick(others.length === 0 || random() > OTHERS_SHARE ? priced : others);
      const frame = mutateFrame(renumber(shape, made, clock.nowMs()), random);
      try {
        socket()?.onFrame(frame);
        if (made % 4 === 0) await clock.advance(FRAMES_EVERY_MS);
        records += await world.write();
      } catch (cause) {
        throw new Error(`${venue.id} ${JSON.stringify(frame)}`, { cause });
      }
    }
  } finally {
    await Promise.all(world.listeners.map(({ connector }) => connector.stop()));
  }
  const { quotesByVenue } = world;
  const quotes = Object.values(quotesByVenue).reduce((sum, count) => sum + count, 0);
  return { frames, quotes, records, quotesByVenue };
}

/** Later than all before it, by number and by time: what is not new is dropped. */
function renumber(shape: string, made: number, nowMs: number): string {
  return shape
    .replace(/(?<![\d.])\d{9,19}(?![\d.])/g, (number) => String(BigInt(number) + BigInt(made) * 1_000n))
    .replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, `"${new Date(nowMs).toISOString()}"`);
}

function mutateFrame(shape: string, random: Random): string {
  const extreme = EXTREMES[Math.floor(random() * EXTREMES.length)] ?? '';
  const isExtreme = random() < EXTREME_SHARE;
  const frame = isExtreme ? shape.replace(/\d+\.\d+/g, (number) => (random() < 0.5 ? extreme : number)) : shape;
  return random() < 0.5 ? frame : mutate(frame, random);
}

interface Listener {
  readonly venue: Venue;
  /** Frames of prices. */
  readonly priced: readonly string[];
  /** Such as end a connection, or halt a market for long. */
  readonly others: readonly string[];
  readonly connector: Connector;
  readonly socket: () => SocketHandlers | undefined;
}

interface World {
  readonly listeners: readonly Listener[];
  readonly quotesByVenue: Record<string, number>;
  /** Makes all prices anew and writes those that are others; how many. */
  write(): Promise<number>;
}

function createWorld(clock: FakeClock, random: Random): World {
  const quotesByVenue = Object.fromEntries(Object.keys(venues).map((id) => [id, 0]));
  const document = documentOfAll();
  const book = createQuoteBook({ monotonicOf: (wallMs) => clock.monotonicMs() - (clock.nowMs() - wallMs) });
  book.configure(document);
  const listeners = Object.values(venues).flatMap((venue) => {
    const take = (quote: SourceQuote): void => {
      if (book.record(venue.id, quote) !== 'ignored') quotesByVenue[venue.id] = (quotesByVenue[venue.id] ?? 0) + 1;
    };
    const { frames = [], others } = VENUE_SHAPES[venue.id] ?? {};
    const other = others && venue.at?.(others.url);
    const heard = { clock, random, take };
    return [
      listen(venue, frames, heard),
      ...(other === undefined || others === undefined ? [] : [listen(other, others.frames, heard)]),
    ];
  });
  return { listeners, quotesByVenue, write: writerOf({ book, clock, document, random }) };
}

const marketsOf = (venue: string): readonly Instrument[] => VENUE_SHAPES[venue]?.markets ?? [];

/** All exchanges of a feed in dollars, with every asset of theirs. */
function documentOfAll(): FeedDocument {
  const assets = new Set(Object.keys(venues).flatMap((id) => marketsOf(id).map(({ asset }) => asset)));
  const sources = Object.keys(venues).map((exchange) => ({ name: exchange, exchange }));
  return documentWith({ assets: [...assets, 'USDT'], sources });
}

interface Hearer {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly take: (quote: SourceQuote) => void;
}

function listen(venue: Venue, shapes: readonly string[], { clock, random, take }: Hearer): Listener {
  let socket: SocketHandlers | undefined;
  const connector = createConnector({
    venue,
    url: venue.defaultUrl,
    symbols: marketsOf(venue.id),
    clock,
    logger: silentLogger,
    telemetry: { counter: () => ({ add: () => undefined, value: 0 }) },
    random,
    onQuote: take,
    onHalted: () => undefined,
    onStatus: () => undefined,
    openSocket: (_url, _timeoutMs, handlers) => {
      socket = handlers;
      clock.setTimeout(handlers.onOpen, 1);
      return { send: () => undefined, ping: () => undefined, terminate: () => undefined, closed: Promise.resolve() };
    },
  });
  connector.start();
  const isPriced = (frame: string): boolean =>
    venue.decode(frame).some(({ kind }) => kind === 'ticker' || kind === 'quote' || kind === 'trade');
  const others = shapes.filter((frame) => !isPriced(frame));
  return { venue, priced: shapes.filter(isPriced), others, connector, socket: () => socket };
}

const RATE_RANGE_BPS = 500n;

function writerOf(parts: {
  readonly book: QuoteBook;
  readonly clock: FakeClock;
  readonly document: FeedDocument;
  readonly random: Random;
}): () => Promise<number> {
  const { book, clock, document, random } = parts;
  const stored: string[] = [];
  const bulk = { run: async (_script: unknown, _keys: unknown, args: readonly unknown[]) => keep(stored, args) };
  const writer = createRecordWriter({
    // Of a client of Valkey, a writer uses this alone.
    valkey: { bulk: bulk as never, serverTimeMs: () => clock.nowMs() },
    clock,
    onRefused: () => undefined,
  });
  writer.configure(document);
  return async () => {
    // A dollar rate that is in and out of what is usable.
    const offset = BigInt(Math.floor((random() - 0.5) * Number(RATE_RANGE_BPS)));
    const price = DECIMAL_ONE + (DECIMAL_ONE * offset) / 10_000n;
    const told = { confirmedMonotonicMs: clock.monotonicMs(), via: 'ws' as const };
    book.record('kraken', { asset: 'USDT', quote: 'USD', symbol: 'USDT/USD', price, ...told });
    for (const asset of document.assets) {
      const aggregate = book.refresh(asset, clock.monotonicMs());
      if (aggregate === undefined || writer.lastWritten(asset) === aggregate) continue;
      const record = await writer.write(asset, aggregate, () => true);
      const read = decodePriceRecord(stored.at(-1) ?? '');
      if (record === undefined || JSON.stringify(read) !== JSON.stringify(record))
        throw new Error(`a record that is not read as it was written: ${stored.at(-1)}`);
      if (aggregate.price <= 0n) throw new Error(`no price: ${stored.at(-1)}`);
    }
    return stored.splice(0).length;
  };
}

function keep(stored: string[], [json]: readonly unknown[]): number {
  stored.push(String(json));
  return 0;
}
