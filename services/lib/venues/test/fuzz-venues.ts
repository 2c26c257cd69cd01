/**
 * Throws mutated frames and REST answers at the decoders of all venues, and throws itself at the first one that is lost,
 * that ends a decoder, or that comes out with a price or a time that is none. The same seed gives the same frames.
 */
import { parseDecimal } from '@weir/wire';
import { venues, type Instrument, type RestAnswer, type RestPrice, type Venue, type VenueEvent } from '../index.ts';
import { createRandom, mutate, type Random } from './mutate-text.ts';
import { readPrices } from './read-prices.ts';
import { VENUE_SHAPES } from './venue-shapes.ts';

export interface FuzzOptions {
  /** Texts to make, over all venues. */
  readonly frames: number;
  readonly seed: number;
  /** More to start from than the shapes, by venue. */
  readonly recorded?: Readonly<Record<string, readonly string[]>>;
}

export interface FuzzReport {
  readonly frames: number;
  readonly events: number;
  readonly prices: number;
  /** Prices by venue: a venue without any would not have been tested. */
  readonly pricesByVenue: Readonly<Record<string, number>>;
  readonly restPricesByVenue: Readonly<Record<string, number>>;
}

/** The part of texts that are REST answers. */
const REST_SHARE = 0.2;
/** Another venue's frame must do no harm either. */
const STRANGER_SHARE = 0.1;
const FRAME_LENGTH_MAX = 5_000;
const STATUSES = [200, 200, 200, 200, 404, 429, 500];

interface Subject {
  readonly venue: Venue;
  readonly shapes: readonly string[];
  /** Many of a kind: half of the texts still come from the shapes. */
  readonly recorded: readonly string[];
  readonly bodies: readonly string[];
  readonly markets: readonly Instrument[];
}

export function fuzzVenues({ frames, seed, recorded = {} }: FuzzOptions): FuzzReport {
  const random = createRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const subjects = Object.values(venues).flatMap((venue) => subjectsOf(venue, recorded[venue.id] ?? []));
  const pricesByVenue = zeroes();
  const restPricesByVenue = zeroes();
  let events = 0;
  for (let made = 0; made < frames; made++) {
    const subject = pick(subjects);
    const { id } = subject.venue;
    if (random() < REST_SHARE) {
      restPricesByVenue[id] = (restPricesByVenue[id] ?? 0) + fuzzRest(subject, random, pick);
      continue;
    }
    const frame = mutate(pick(random() < 0.5 ? subject.recorded : subject.shapes), random);
    const decoded = decodeFrame(random() < STRANGER_SHARE ? pick(subjects).venue : subject.venue, frame);
    events += decoded.length;
    for (const event of decoded) pricesByVenue[id] = (pricesByVenue[id] ?? 0) + countPrices(event, frame);
  }
  const prices = [pricesByVenue, restPricesByVenue].flatMap((counts) => Object.values(counts));
  return { frames, events, prices: prices.reduce((sum, count) => sum + count, 0), pricesByVenue, restPricesByVenue };
}

/** The venue, and what answers at its other address. */
function subjectsOf(venue: Venue, recorded: readonly string[]): Subject[] {
  const shapes = VENUE_SHAPES[venue.id];
  if (shapes === undefined) throw new Error(`venue ${venue.id} has no shapes in venue-shapes.ts`);
  const short = recorded.filter(({ length }) => length < FRAME_LENGTH_MAX);
  const { others, markets } = shapes;
  const bodies = [...shapes.instruments, ...shapes.prices];
  const subject = (of: Venue, frames: readonly string[]): Subject => ({
    venue: of,
    shapes: frames,
    recorded: short.length === 0 ? frames : short,
    bodies,
    markets,
  });
  const other = others && venue.at?.(others.url);
  if (others !== undefined && other === undefined) throw new Error(`${venue.id} does not know ${others.url}`);
  return [
    subject(venue, shapes.frames),
    ...(others === undefined || other === undefined ? [] : [subject(other, others.frames)]),
  ];
}

function zeroes(): Record<string, number> {
  return Object.fromEntries(Object.keys(venues).map((id) => [id, 0]));
}

function decodeFrame(venue: Venue, frame: string): readonly VenueEvent[] {
  try {
    const events = venue.decode(frame);
    if (events.length > 0) return events;
  } catch (cause) {
    throw new Error(`${venue.id} threw for ${JSON.stringify(frame)}`, { cause });
  }
  throw new Error(`${venue.id} has no event for ${JSON.stringify(frame)}`);
}

/** How many prices came out. */
function fuzzRest({ venue, bodies, markets }: Subject, random: Random, pick: <T>(items: readonly T[]) => T): number {
  const body = random() < 0.1 ? pick(bodies) : mutate(pick(bodies), random);
  const response = { status: pick(STATUSES), body, receivedMs: 1_795_000_000_000 };
  const wanted = random() < 0.5 ? markets : markets.slice(0, 1);
  try {
    checkInstruments(venue.rest.decodeInstruments(response));
    return countRestPrices(readPrices(venue.rest, response, wanted), wanted);
  } catch (cause) {
    throw new Error(`${venue.id} for REST answer ${response.status} ${JSON.stringify(body)}`, { cause });
  }
}

function checkInstruments(answer: RestAnswer<readonly Instrument[]>): void {
  if (answer.kind === 'refused') return checkRefusal(answer.reason);
  for (const instrument of answer.value) {
    const { asset, quote, symbol } = instrument;
    const isWhole = [asset, quote, symbol].every((part) => part !== '') && asset === asset.toUpperCase();
    if (!isWhole || quote !== quote.toUpperCase()) throw new Error(`no instrument: ${JSON.stringify(instrument)}`);
  }
}

function countRestPrices(answer: RestAnswer<readonly RestPrice[]>, wanted: readonly Instrument[]): number {
  if (answer.kind === 'refused') {
    checkRefusal(answer.reason);
    return 0;
  }
  let count = 0;
  for (const price of answer.value) {
    if (!wanted.some(({ asset, quote }) => asset === price.asset && quote === price.quote)) {
      throw new Error(`a market nobody asked for: ${JSON.stringify(price)}`);
    }
    count += countFields({ ...price }, JSON.stringify(price));
  }
  return count;
}

function checkRefusal(reason: string): void {
  if (reason === '') throw new Error('a refusal without a reason');
}

function countPrices(event: VenueEvent, frame: string): number {
  return countFields({ ...event }, `${JSON.stringify(event)} of ${JSON.stringify(frame)}`);
}

/** How many prices there are, each of them one; asserted by hand, as a matcher of the tests would take minutes. */
function countFields(values: Readonly<Record<string, unknown>>, what: string): number {
  const { tradeTime = '2026-01-01' } = values;
  if (typeof tradeTime !== 'string' || !(Date.parse(tradeTime) > 0)) throw new Error(`no time: ${what}`);
  let count = 0;
  for (const name of ['price', 'bid', 'ask', 'size']) {
    if (!(name in values)) continue;
    const text = values[name];
    const value = typeof text === 'string' ? parseDecimal(text) : undefined;
    if (value === undefined || value <= 0n) throw new Error(`no price: ${what}`);
    count += 1;
  }
  return count;
}
