/**
 * Lets true prices go somewhere: a price of some seconds ago must not pass for today's, as it would where a walk stays
 * around its start. USDT is brought back to its own price, so that a rate of some seconds ago is a true one.
 */
export interface MoveTruthOptions {
  readonly assets: readonly string[];
  /** Of USDT, as text. */
  readonly tetherPrice: string;
  readonly readTruths: () => Promise<Readonly<Record<string, number>>>;
  readonly setTruth: (asset: string, price: string) => void | Promise<void>;
}

/** In either direction; honest sources of some seconds ago must still agree within 50. */
const BPS_PER_SECOND = 10;
/** Then it turns round. */
const LEG_MS = 17_000;
const TETHER = 'USDT';

/** Of the asset at this place of the list, from the one instant to the other. */
export function driftBps(place: number, fromMs: number, toMs: number): number {
  // Each asset turns at a time of its own.
  const at = (ms: number): number => {
    const phase = (((ms + place * 5_000) % (2 * LEG_MS)) + 2 * LEG_MS) % (2 * LEG_MS);
    return ((phase < LEG_MS ? phase : 2 * LEG_MS - phase) / 1_000) * BPS_PER_SECOND;
  };
  return at(toMs) - at(fromMs);
}

/** Answers what moves them all to where they belong by then. */
export function createTruthMover(options: MoveTruthOptions, startMs: number): (nowMs: number) => Promise<void> {
  const { assets, tetherPrice, readTruths, setTruth } = options;
  let beforeMs = startMs;
  return async (nowMs) => {
    const sinceMs = beforeMs;
    beforeMs = nowMs;
    const truths = await readTruths();
    await setTruth(TETHER, tetherPrice);
    for (const [place, asset] of assets.entries()) {
      const truth = truths[asset];
      if (truth === undefined) continue;
      await setTruth(asset, (truth * (1 + driftBps(place, sinceMs, nowMs) / 10_000)).toFixed(8));
    }
  };
}
