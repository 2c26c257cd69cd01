/** A million mutated frames and answers through the decoders of all venues. */
import { fuzzVenues, type FuzzReport } from '../../services/lib/venues/test/fuzz-venues.ts';
import { readRecordedFrames } from '../../services/lib/venues/test/recordings.ts';
import { fuzzPrices } from './fuzz-prices.ts';
import type { Soak, SoakReport } from './soak.ts';

const ROUND_FRAMES = 50_000;
/** One frame to so many goes all the way to a record. */
const PRICE_SHARE = 10;
const SEED_MAX = 0x7fff_ffff;

interface Totals {
  frames: number;
  events: number;
  prices: number;
}

export const fuzzSoak: Soak = {
  name: 'fuzz',
  summary:
    'mutated frames and REST answers of all venues: none may throw, get lost, or become a price or record that is none',
  options: {
    frames: { description: 'how many', initial: 1_000_000 },
    seed: { description: 'the same one gives the same frames; 0: by the clock', initial: 0 },
  },
  run: ({ frames = 0, seed = 0 }) => run(frames, seed === 0 ? Date.now() % SEED_MAX : seed),
};

async function run(frames: number, seed: number): Promise<SoakReport> {
  const recorded = readRecordedFrames();
  const startMs = performance.now();
  const totals: Totals = { frames: 0, events: 0, prices: 0 };
  const found: string[] = [];
  for (let round = 0; totals.frames < frames && found.length === 0; round++) {
    const part = Math.min(ROUND_FRAMES, frames - totals.frames);
    try {
      add(totals, fuzzVenues({ frames: part, seed: seed + round, recorded }));
      await fuzzPrices(Math.ceil(part / PRICE_SHARE), seed + round);
    } catch (error) {
      found.push(describe(error), `--seed ${seed + round} --frames ${part}`);
    }
    process.stderr.write(`\rfuzz: ${totals.frames} of ${frames}, seed ${seed + round}`);
  }
  process.stderr.write('\n');
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  return { ok: found.length === 0 && totals.frames === frames, seed, seconds, ...totals, found };
}

function add(totals: Totals, report: FuzzReport): void {
  totals.frames += report.frames;
  totals.events += report.events;
  totals.prices += report.prices;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
