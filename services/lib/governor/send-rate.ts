/**
 * How many requests per second an upstream is sent after it has said "too many": the script's twin in TypeScript, in whole
 * thousandths of a request per second.
 *
 * What was asked and sent is measured by spans of 2 s. When more than 2 % of the requests of a span were throttled, sending
 * is cut to 0.7 of what was sent in it, and comes back along a cubic curve: soon near the rate that was too much, slowly
 * past it, then ever faster. It grows only while at least half of it is used. Pure but for what it remembers.
 */
import type { Counts } from './tally.ts';

export const SPAN_US = 2_000_000;
/** What was under way when sending was cut says nothing of the lower rate. */
export const SETTLE_US = 1_000_000;
export const CUT_PERCENT = 70;
/** One request in so many, throttled, is too much. */
export const THROTTLED_ONE_IN = 50;
/** Thousandths per second: that of the probes. */
export const RATE_MIN = 1_000;
/** Requests per second per s³. */
export const GROWTH = 0.4;

export class SendRate {
  #markUs = 0;
  #asked = 0;
  #sent = 0;
  #throttled = 0;
  #demand = 0;
  #rate = 0;
  #last = 0;
  #kneeMs = 0;
  #grownMs = 0;

  /** 0: nothing was cut. */
  get rate(): number {
    return this.#rate;
  }

  /** Share of what is asked that has to be shed to keep to it, in millionths. */
  get shedMicro(): number {
    if (this.#rate === 0 || this.#demand <= this.#rate) return 0;
    return 1_000_000 - Math.floor((this.#rate * 1_000_000) / this.#demand);
  }

  /** `isEnough`: there are requests enough to judge by. */
  step(nowUs: number, { asked, total, throttled }: Counts, isEnough: boolean): void {
    if (this.#markUs === 0) this.#markUs = nowUs;
    if (nowUs >= this.#markUs) {
      this.#asked += asked;
      this.#sent += total;
      this.#throttled += throttled;
    }
    const spanUs = nowUs - this.#markUs;
    if (spanUs < SPAN_US) return;
    this.#demand = Math.floor((this.#asked * 1_000_000_000) / spanUs);
    const pace = Math.floor((this.#sent * 1_000_000_000) / spanUs);
    this.#markUs = nowUs;
    if (isEnough && this.#throttled * THROTTLED_ONE_IN > this.#sent) this.#cut(nowUs, pace);
    else if (this.#rate > 0 && pace * 2 > this.#rate) this.#grow(spanUs);
    this.#asked = 0;
    this.#sent = 0;
    this.#throttled = 0;
  }

  #cut(nowUs: number, pace: number): void {
    this.#last = Math.max(RATE_MIN, pace);
    this.#rate = Math.max(RATE_MIN, Math.floor((this.#last * CUT_PERCENT) / 100));
    const depth = (this.#last / 1_000) * (1 - CUT_PERCENT / 100);
    this.#kneeMs = Math.floor((depth / GROWTH) ** (1 / 3) * 1_000 + 0.5);
    this.#grownMs = 0;
    this.#markUs = nowUs + SETTLE_US;
  }

  #grow(spanUs: number): void {
    this.#grownMs += Math.floor(spanUs / 1_000);
    const t = this.#grownMs - this.#kneeMs;
    this.#rate = Math.max(this.#rate, this.#last + Math.floor((GROWTH * t * t * t) / 1_000_000));
    if (this.#rate >= 2 * Math.max(this.#last, this.#demand)) this.#rate = 0;
  }
}
