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
}

/** With a third one wrong, four venues may have no majority. */
const VENUES_AT_ONCE = 2;
const WORLD_EVERY_MS = 9_000;
const WORLD_MS = 4_000;
/** After a fault of the whole world everything needs its time to come back, or nothing could be said of any fault alone. */
const WORLD_REST_MS = 5_000;
const VENUE_MS_MIN = 1_000;
const VENUE_MS_SPREAD = 7_000;
const PAUSE_MS_MAX = 1_500;

export function planChaos({ seed, durationMs, venues }: PlanOptions): readonly Incident[] {
  const random = createRandom(seed);
  const incidents: Incident[] = [];
  // Every fault comes before any comes again.
  const worldFaults = createDeck(WORLD_FAULTS, random);
  const worldTimes: Incident[] = [];
  for (let startMs = WORLD_EVERY_MS / 3; startMs + WORLD_MS <= durationMs; startMs += WORLD_EVERY_MS) {
    worldTimes.push({ fault: worldFaults(), startMs, endMs: startMs + WORLD_MS });
  }
  const venueFaults = createDeck(VENUE_FAULTS, random);
  const freeAt = new Map(venues.map((venue) => [venue, 0]));
  for (let lane = 0; lane < VENUES_AT_ONCE; lane += 1) {
    let nowMs = Math.floor(random() * PAUSE_MS_MAX);
    for (;;) {
      const endMs = nowMs + VENUE_MS_MIN + Math.floor(random() * VENUE_MS_SPREAD);
      if (endMs > durationMs) break;
      const startMs = nowMs;
      const free = venues.filter((venue) => (freeAt.get(venue) ?? 0) <= startMs);
      const venue = free[Math.floor(random() * free.length)];
      if (venue !== undefined) {
        freeAt.set(venue, endMs);
        incidents.push({ fault: venueFaults(), venue, strength: random() * 2 - 1, startMs, endMs });
      }
      nowMs = endMs + Math.floor(random() * PAUSE_MS_MAX);
    }
  }
  const isClear = ({ startMs, endMs }: Incident): boolean =>
    worldTimes.every((world) => endMs <= world.startMs || startMs >= world.endMs + WORLD_REST_MS || !isTotal(world));
  return [...worldTimes, ...incidents.filter(isClear)].toSorted((a, b) => a.startMs - b.startMs);
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
