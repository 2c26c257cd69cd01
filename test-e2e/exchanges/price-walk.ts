/**
 * The seeded walk: which pair trades next, and where.
 *
 * Every venue of one seed follows the same fair price, step for step, and adds its own noise of a few basis points,
 * so that venues disagree as real ones do and never drift apart.
 */
import type { Fixed } from './fixed-point.ts';
import { createRandom } from './random.ts';

export interface WalkStep {
  readonly index: number;
  readonly units: bigint;
}

export interface PriceWalk {
  /** The next trade; `undefined` when nothing walks. The n-th step depends on seed, venue and starts alone. */
  next(): WalkStep | undefined;
}

/** A step moves the fair price by at most 1/10,000 and a venue adds at most 1/20,000. */
const STEP_PART = 10_000;
const NOISE_PART = 20_000;

export function createPriceWalk(seed: number, venue: string, starts: readonly Fixed[]): PriceWalk {
  const shared = createRandom(`walk ${seed}`);
  const own = createRandom(`noise ${seed} ${venue}`);
  const fair = starts.map((start) => start.units);
  return {
    next: () => {
      const index = Math.floor(shared() * starts.length);
      const start = starts[index]?.units;
      const before = fair[index];
      if (start === undefined || before === undefined) return undefined;
      const moved = before + spread(before, STEP_PART, shared());
      // Reflected at half and twice the start: a walk that runs for weeks stays a price.
      const after = moved < start / 2n || moved > start * 2n ? before - (moved - before) : moved;
      fair[index] = after;
      const noisy = after + spread(after, NOISE_PART, own());
      return { index, units: noisy < 1n ? 1n : noisy };
    },
  };
}

function spread(units: bigint, part: number, uniform: number): bigint {
  const reach = Math.max(1, Math.floor(Number(units) / part));
  return BigInt(Math.floor(uniform * (2 * reach + 1)) - reach);
}
