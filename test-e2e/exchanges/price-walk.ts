/**
 * The seeded walk: which pair trades next, and where.
 *
 * All venues of one seed follow this one fair price and add noise of their own (`addNoise`), so that they disagree as
 * real ones do and never drift apart.
 */
import type { Fixed } from './fixed-point.ts';
import { createRandom, type Random } from './random.ts';

export interface WalkStep {
  readonly index: number;
  readonly units: bigint;
}

export interface WalkStart extends Fixed {
  /** How far it may get from its start, in basis points; absent: from half to twice the start. */
  readonly bandBps?: number;
}

export interface PriceWalk {
  /** The next move; `undefined` when nothing walks. The n-th step depends on seed and starts alone, until one is set. */
  next(): WalkStep | undefined;
  units(index: number): bigint | undefined;
  /** Walks on from here, and around here. */
  set(index: number, units: bigint): void;
}

/** A step moves the fair price by at most 1/10,000 and a venue adds at most 1/20,000. */
const STEP_PART = 10_000;
const NOISE_PART = 20_000;
const BPS = 10_000n;

export function createPriceWalk(seed: number, starts: readonly WalkStart[]): PriceWalk {
  const random = createRandom(`walk ${seed}`);
  const fair = starts.map((start) => start.units);
  const bounds = starts.map(boundsOf);
  return {
    next: () => {
      const index = Math.floor(random() * starts.length);
      const bound = bounds[index];
      const before = fair[index];
      if (bound === undefined || before === undefined) return undefined;
      const moved = before + spread(before, STEP_PART, random());
      // Reflected at the bounds: a walk that runs for weeks stays a price.
      const after = moved < bound.low || moved > bound.high ? before - (moved - before) : moved;
      fair[index] = after;
      return { index, units: after };
    },
    units: (index) => fair[index],
    set: (index, units) => {
      const start = starts[index];
      if (start === undefined) return;
      fair[index] = units;
      bounds[index] = boundsOf({ ...start, units });
    },
  };
}

/** The fair price as one venue trades it. */
export function addNoise(units: bigint, random: Random): bigint {
  const noisy = units + spread(units, NOISE_PART, random());
  return noisy < 1n ? 1n : noisy;
}

function boundsOf({ units, bandBps }: WalkStart): { readonly low: bigint; readonly high: bigint } {
  if (bandBps === undefined) return { low: units / 2n, high: units * 2n };
  const reach = (units * BigInt(bandBps)) / BPS;
  return { low: units - reach, high: units + reach };
}

function spread(units: bigint, part: number, uniform: number): bigint {
  const reach = Math.max(1, Math.floor(Number(units) / part));
  return BigInt(Math.floor(uniform * (2 * reach + 1)) - reach);
}
