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
 * The last 10 s decide when they hold enough requests, else the last 30 s; but a few requests of those 10 s suffice to shed
 * less than the 30 s say, or no less than is being shed: neither an outage nor good times of 20 s ago count against them.
 */
export function judge(window: Totals, onset: Totals, shedMicro: number, law: ShedLaw): Verdict {
  if (onset.total >= law.samplesMin) return { targetMicro: shedTargetMicro(onset, law), evidence: onset };
  if (window.total < law.samplesMin) return { targetMicro: 0, evidence: undefined };
  const windowMicro = shedTargetMicro(window, law);
  if (onset.total < RECOVERY_SAMPLES_MIN) return { targetMicro: windowMicro, evidence: window };
  const onsetMicro = shedTargetMicro(onset, law);
  if (onsetMicro < windowMicro) return { targetMicro: onsetMicro, evidence: onset };
  return { targetMicro: Math.max(windowMicro, Math.min(onsetMicro, shedMicro)), evidence: window };
}
