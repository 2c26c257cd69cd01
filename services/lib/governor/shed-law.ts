/** How much is shed, from what became of the requests: the law of admission control, in whole millionths. */

export interface ShedLaw {
  /** Share of successes, in percent, from which on nothing is shed. */
  readonly thresholdPercent: number;
  /** Fewer requests than these say nothing. */
  readonly samplesMin: number;
}

/** Agreed through Valkey. */
export const CLUSTER_LAW: ShedLaw = { thresholdPercent: 95, samplesMin: 20 };
/** By one process alone: it sees a part only, so it is slower to refuse. */
export const LOCAL_LAW: ShedLaw = { thresholdPercent: 90, samplesMin: 20 };

export const WINDOW_S = 30;
/** For the onset and for the recovery, which 30 s would hide. */
export const ONSET_S = 10;
/** While something is shed few requests are sent: so many of the last 10 s are enough to go by. */
export const RECOVERY_SAMPLES_MIN = 5;
/** How far 20 requests may be off by luck: to within so much what is shed follows what they say, nearer the more they are. */
export const LUCK_MICRO = 150_000;
/** Nearly all fails, and no luck is in it. */
export const HOPELESS_MICRO = 900_000;
/** An upstream that has just become far better needs no more shedding than that for it to end. */
export const NEARLY_WELL_MICRO = 650_000;
export const SHED_MICRO_MAX = 950_000;
/** Soft at first: above 1, a small lack of successes sheds little. */
export const AGGRESSION = 1.5;
/** At most 0.1 per second downwards, that is one millionth per 10 µs. */
export const FALL_US_PER_MICRO = 10;

export interface Totals {
  readonly total: number;
  readonly successes: number;
}

/** What share to shed, in millionths, when `successes` of `total` requests succeeded. */
export function shedTargetMicro({ total, successes }: Totals, { thresholdPercent }: ShedLaw): number {
  const base = (total - (successes * 100) / thresholdPercent) / (total + 1);
  if (base <= 0) return 0;
  return Math.min(SHED_MICRO_MAX, Math.floor(base ** (1 / AGGRESSION) * 1_000_000 + 0.5));
}

export interface Verdict {
  readonly targetMicro: number;
  /** What it was read from; `undefined` when there were too few requests. */
  readonly evidence: Totals | undefined;
}

/**
 * The last 10 s decide when they hold enough requests, else the last 30 s. While something is shed, few are sent; then fewer
 * suffice to shed less, though never to shed more: a few of the last 10 s suffice to shed less than the 30 s say, or no less
 * than is being shed; and where 30 s hold too few, what is shed stays as it is unless all of them were successes. So it falls
 * on evidence alone: neither an outage nor good times of 20 s ago count against that, and silence is no good word.
 */
export function judge(window: Totals, onset: Totals, shedMicro: number, law: ShedLaw): Verdict {
  const isBetter = isFarBetter(onset, window);
  if (onset.total >= law.samplesMin)
    return { targetMicro: follow(shedTargetMicro(onset, law), onset.total, shedMicro, isBetter), evidence: onset };
  const isEnough = window.total >= law.samplesMin;
  if (!isEnough && shedMicro === 0) return { targetMicro: 0, evidence: undefined };
  const known = isEnough ? window : undefined;
  let knownMicro = isClean(window) ? 0 : shedMicro;
  if (isEnough) knownMicro = follow(shedTargetMicro(window, law), window.total, shedMicro, false);
  if (onset.total < RECOVERY_SAMPLES_MIN) return { targetMicro: knownMicro, evidence: known };
  const onsetMicro = shedTargetMicro(onset, law);
  const recentMicro = follow(onsetMicro, onset.total, shedMicro, isBetter);
  if (recentMicro < knownMicro && recentMicro <= shedMicro) return { targetMicro: recentMicro, evidence: onset };
  return { targetMicro: Math.max(knownMicro, Math.min(onsetMicro, shedMicro)), evidence: known };
}

/** While something is shed, chance alone moves it neither way; an upstream that is well, fails wholly or has changed does. */
function follow(targetMicro: number, total: number, shedMicro: number, isBetter: boolean): number {
  if (shedMicro === 0 || targetMicro === 0 || targetMicro >= HOPELESS_MICRO) return targetMicro;
  const luckMicro = Math.floor(LUCK_MICRO * Math.sqrt(Math.min(1, 20 / total)));
  if (targetMicro > shedMicro) return Math.max(shedMicro, targetMicro - luckMicro);
  if (!isBetter) return Math.min(shedMicro, targetMicro + luckMicro);
  return targetMicro <= NEARLY_WELL_MICRO ? 0 : targetMicro;
}

/**
 * The last 10 s are another time than the 20 s before: the share of successes is higher by two fifths, or some succeed where
 * none did. Chance alone hardly makes it so.
 */
function isFarBetter(onset: Totals, window: Totals): boolean {
  const total = window.total - onset.total;
  const successes = window.successes - onset.successes;
  if (total < RECOVERY_SAMPLES_MIN) return false;
  if (successes === 0 && total >= 2 * RECOVERY_SAMPLES_MIN && onset.successes >= 2) return true;
  return (onset.successes * total - successes * onset.total) * 5 >= 2 * onset.total * total;
}

const isClean = ({ total, successes }: Totals): boolean => total > 0 && successes === total;
