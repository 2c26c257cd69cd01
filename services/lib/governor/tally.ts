/**
 * What became of the requests to one upstream in the last 30 s, and what follows: the script's twin in TypeScript. A process
 * keeps one of its own counts, for the time without Valkey; tests hold the script against it.
 */
import { SendRate } from './send-rate.ts';
import { FALL_US_PER_MICRO, judge, ONSET_S, SHED_MICRO_MAX, WINDOW_S, type ShedLaw, type Totals } from './shed-law.ts';

/** Requests really sent whose end is known. */
export interface Counts extends Totals {
  readonly throttled: number;
  /** Requests that somebody wanted to send, sent or not. */
  readonly asked: number;
}

/** What a process was last told, and of which state. */
export interface Told {
  readonly epochMs: number;
  readonly shedMicro: number;
}

export interface TallyReading {
  readonly nowUs: number;
  readonly shedMicro: number;
  readonly isThrottled: boolean;
  /** Of the last 30 s. */
  readonly successes: number;
  readonly total: number;
  /** One request may pass whatever is shed. */
  readonly hasProbe: boolean;
  /** Thousandths of a request per second; 0: as many as there are. */
  readonly sendRate: number;
  /** When what is known began: another one, and what was known before is lost. */
  readonly epochMs: number;
}

export interface Tally {
  /** Adds counts as of now; `wantsProbe` when somebody would use one. Of a state that is lost, what was told of it still holds. */
  step(nowUs: number, counts: Counts, wantsProbe: boolean, told?: Told): TallyReading;
  /** Goes on from what others agreed on. */
  adopt(shedMicro: number, isThrottled: boolean): void;
}

export const NO_COUNTS: Counts = { total: 0, successes: 0, throttled: 0, asked: 0 };

const SECOND_US = 1_000_000;
const PROBE_PERIOD_US = SECOND_US;
const CALM_US = 5 * SECOND_US;
/** What is known lasts for so long; further back than this, the clock was set: it belongs to another time. */
const WINDOW_US = WINDOW_S * SECOND_US;

const add = (a: Counts, b: Counts): Counts => ({
  total: a.total + b.total,
  successes: a.successes + b.successes,
  throttled: a.throttled + b.throttled,
  asked: a.asked + b.asked,
});
const subtract = (a: Counts, b: Counts): Counts => ({
  total: a.total - b.total,
  successes: a.successes - b.successes,
  throttled: a.throttled - b.throttled,
  asked: a.asked - b.asked,
});

class WindowedTally implements Tally {
  readonly #law: ShedLaw;
  #ring = new Map<number, Counts>();
  #second = 0;
  #atUs = 0;
  #window = NO_COUNTS;
  #onset = NO_COUNTS;
  #shedMicro = 0;
  #isThrottled = false;
  /** Readings in a row with too few successes. */
  #low = 0;
  /** Since when nothing speaks against the upstream; 0 while something does. */
  #calmSinceUs = 0;
  #probeUs = 0;
  #epochMs = 0;
  #sendRate = new SendRate();

  constructor(law: ShedLaw) {
    this.#law = law;
  }

  adopt(shedMicro: number, isThrottled: boolean): void {
    this.#shedMicro = shedMicro;
    this.#isThrottled = isThrottled;
  }

  step(givenUs: number, counts: Counts, wantsProbe: boolean, told?: Told): TallyReading {
    if (this.#atUs - givenUs > WINDOW_US) this.#forget();
    const nowUs = Math.max(givenUs, this.#atUs);
    if (this.#epochMs === 0) this.#epochMs = Math.floor(nowUs / 1_000);
    const second = Math.floor(nowUs / SECOND_US);
    this.#advance(second);
    this.#count(second, counts);
    this.#sendRate.step(nowUs, counts, this.#window.total >= this.#law.samplesMin);
    this.#judge(nowUs, told);
    const hasProbe = wantsProbe && this.#shedMicro > 0 && nowUs - this.#probeUs >= PROBE_PERIOD_US;
    if (hasProbe) this.#probeUs = nowUs;
    this.#atUs = nowUs;
    const { successes, total } = this.#window;
    const held = { shedMicro: this.#shedMicro, isThrottled: this.#isThrottled, sendRate: this.#sendRate.rate };
    return { nowUs, ...held, successes, total, hasProbe, epochMs: this.#epochMs };
  }

  #forget(): void {
    this.#empty();
    this.#atUs = 0;
    this.#second = 0;
    this.#shedMicro = 0;
    this.#isThrottled = false;
    this.#low = 0;
    this.#calmSinceUs = 0;
    this.#probeUs = 0;
    this.#epochMs = 0;
    this.#sendRate = new SendRate();
  }

  #empty(): void {
    this.#ring = new Map();
    this.#window = NO_COUNTS;
    this.#onset = NO_COUNTS;
  }

  #advance(second: number): void {
    if (second - this.#second >= WINDOW_S) this.#empty();
    else {
      for (let next = this.#second + 1; next <= second; next += 1) {
        const expired = this.#ring.get(next % WINDOW_S);
        if (expired !== undefined) this.#window = subtract(this.#window, expired);
        this.#ring.delete(next % WINDOW_S);
        const left = this.#ring.get((next - ONSET_S) % WINDOW_S);
        if (left !== undefined) this.#onset = subtract(this.#onset, left);
      }
    }
    this.#second = second;
  }

  #count(second: number, counts: Counts): void {
    if (counts.total === 0) return;
    const slot = second % WINDOW_S;
    this.#ring.set(slot, add(this.#ring.get(slot) ?? NO_COUNTS, counts));
    this.#window = add(this.#window, counts);
    this.#onset = add(this.#onset, counts);
  }

  #judge(nowUs: number, told: Told | undefined): void {
    // Nobody has asked for so long that nothing is known.
    if (this.#atUs > 0 && nowUs - this.#atUs >= WINDOW_US) this.#shedMicro = 0;
    const { targetMicro, evidence } = judge(this.#window, this.#onset, this.#shedMicro, this.#law);
    const fallMicro = this.#atUs === 0 ? 0 : Math.floor((nowUs - this.#atUs) / FALL_US_PER_MICRO);
    const paceMicro = Math.min(SHED_MICRO_MAX, this.#sendRate.shedMicro);
    this.#shedMicro = Math.max(targetMicro, paceMicro, this.#shedMicro - fallMicro, 0);
    if (told !== undefined && told.epochMs !== this.#epochMs)
      this.#shedMicro = Math.max(this.#shedMicro, Math.min(SHED_MICRO_MAX, told.shedMicro));
    const isLow = evidence !== undefined && evidence.successes * 100 < evidence.total * 90;
    this.#low = isLow ? Math.min(2, this.#low + 1) : 0;
    if (this.#low === 2) this.#isThrottled = true;
    const isHigh = evidence === undefined || evidence.successes * 100 > evidence.total * 97;
    if (!this.#isThrottled || !isHigh || this.#shedMicro > 0) this.#calmSinceUs = 0;
    else if (this.#calmSinceUs === 0) this.#calmSinceUs = nowUs;
    if (this.#calmSinceUs > 0 && nowUs - this.#calmSinceUs >= CALM_US) {
      this.#isThrottled = false;
      this.#calmSinceUs = 0;
    }
  }
}

export function createTally(law: ShedLaw): Tally {
  return new WindowedTally(law);
}
