/** What goes wrong, when, and for how long: a seeded list, so that a run that failed can be had again. Pure. */

/** One venue is wrong about something; those that make its price wrong need a majority of others. */
export const VENUE_FAULTS = [
  'cut',
  'refuse-connections',
  'silence',
  'freeze',
  'lie',
  'cross',
  'halt',
  'drain',
  'skew',
  'disorder',
  'empty-bids',
  'zero-times',
  'ack-last',
  'rest-down',
  'bad-symbol',
  'burst',
] as const;
/** All venues at once, or what stands behind the feed. */
export const WORLD_FAULTS = [
  'all-cut',
  'all-silent',
  'valkey-restart',
  'flushall',
  'feed-kill',
  'standby-kill',
] as const;

export type VenueFault = (typeof VENUE_FAULTS)[number];
export type WorldFault = (typeof WORLD_FAULTS)[number];

export type Incident = { readonly startMs: number; readonly endMs: number } & (
  | {
      readonly fault: VenueFault;
      readonly venue: string;
      /** From -1 to 1: how strong, or which way. */ readonly strength: number;
    }
  | { readonly fault: WorldFault }
);

export interface PlanOptions {
  readonly seed: number;
  /** Of the faults; what was begun has ended by then. */
  readonly durationMs: number;
  readonly venues: readonly string[];
  /** Absent: all there are. */
  readonly venueFaults?: readonly VenueFault[];
  /** From one fault of the world to the next. */
  readonly worldEveryMs?: number;
}

const WORLD_EVERY_MS = 9_000;
const WORLD_MS = 4_000;
/** After a fault of the whole world everything needs its time to come back, or nothing could be said of any fault alone. */
const WORLD_REST_MS = 5_000;
const VENUE_MS_MIN = 1_000;
const VENUE_MS_SPREAD = 7_000;
/** What it takes until the fault can be met: a new connection, a request by REST after 5 s without any, an announced end. */
const FAULT_MS_MIN: Readonly<Partial<Record<VenueFault, number>>> = {
  'ack-last': 6_000,
  'bad-symbol': 6_000,
  drain: 3_000,
  'rest-down': 14_000,
};
/** Gate answers a subscription with nothing but the answer, so no price can come before it. */
const STRIKES_NOTHING: Readonly<Partial<Record<VenueFault, string>>> = { 'ack-last': 'gateio' };
const PAUSE_MS_MAX = 1_500;
/** Until a venue that was wrong has put right what it said. */
const VENUE_REST_MS = 2_000;
/** They say what is not so: with one of them there is always a majority of others, whoever else is away. */
const WRONG_FAULTS: ReadonlySet<VenueFault> = new Set(['freeze', 'lie']);

export function planChaos(options: PlanOptions): readonly Incident[] {
  const { seed, durationMs, venues, venueFaults = VENUE_FAULTS, worldEveryMs = WORLD_EVERY_MS } = options;
  const random = createRandom(seed);
  // Every fault comes before any comes again.
  const worldFaults = createDeck(WORLD_FAULTS, random);
  const worldTimes: Incident[] = [];
  for (let startMs = WORLD_EVERY_MS / 3; startMs + WORLD_MS <= durationMs; startMs += worldEveryMs) {
    worldTimes.push({ fault: worldFaults(), startMs, endMs: startMs + WORLD_MS });
  }
  const freeAt = new Map(venues.map((venue) => [venue, 0]));
  const isClear = ({ startMs, endMs }: Incident): boolean =>
    worldTimes.every(
      (world) => !isTotal(world) || endMs + VENUE_REST_MS <= world.startMs || startMs >= world.endMs + WORLD_REST_MS,
    );
  const incidents: Incident[] = [];
  // Two venues at once, of which one may be wrong.
  for (const faults of [venueFaults, venueFaults.filter((fault) => !WRONG_FAULTS.has(fault))]) {
    const nextFault = createDeck(faults, random);
    let fault = nextFault();
    for (let startMs = Math.floor(random() * PAUSE_MS_MAX); startMs < durationMs;) {
      const isFree = (venue: string): boolean =>
        (freeAt.get(venue) ?? 0) <= startMs && STRIKES_NOTHING[fault] !== venue;
      const free = venues.filter(isFree);
      const venue = free[Math.floor(random() * free.length)];
      const lastsMs = Math.max(FAULT_MS_MIN[fault] ?? 0, VENUE_MS_MIN + Math.floor(random() * VENUE_MS_SPREAD));
      const endMs = startMs + lastsMs;
      const incident: Incident = { fault, venue: venue ?? '', strength: random() * 2 - 1, startMs, endMs };
      if (venue !== undefined && endMs <= durationMs && isClear(incident)) {
        freeAt.set(venue, endMs + VENUE_REST_MS);
        incidents.push(incident);
        fault = nextFault();
        startMs = endMs;
      }
      startMs += Math.floor(random() * PAUSE_MS_MAX) + 1;
    }
  }
  return [...worldTimes, ...incidents].toSorted((a, b) => a.startMs - b.startMs);
}

/** Leaves no venue for a second fault to make a difference to. */
const isTotal = ({ fault }: Incident): boolean => fault === 'all-cut' || fault === 'all-silent';

function createDeck<T>(cards: readonly T[], random: () => number): () => T {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = [...cards];
    const [card] = left.splice(Math.floor(random() * left.length), 1);
    if (card === undefined) throw new RangeError('a deck needs a card');
    return card;
  };
}

/** mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
