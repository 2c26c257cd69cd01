/** How well this instance hears the sources of its feed: whoever hears none should not be the one that publishes. */
import type { Freshness } from '@weir/wire';

/**
 * hears: something was confirmed within `fresh`. deaf: nothing within `stale`, since the beginning at the latest. unsure:
 * anything between.
 */
export type Hearing = 'hears' | 'unsure' | 'deaf';

export class SourceHearing {
  readonly #sinceMs: number;
  #heardMs = -Infinity;

  /** All times are monotonic. */
  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  /** Something was known to be current then. */
  note(confirmedMs: number): void {
    if (confirmedMs > this.#heardMs) this.#heardMs = confirmedMs;
  }

  at(nowMs: number, { freshMs, staleMs }: Freshness): Hearing {
    if (nowMs - this.#heardMs <= freshMs) return 'hears';
    return nowMs - Math.max(this.#heardMs, this.#sinceMs) <= staleMs ? 'unsure' : 'deaf';
  }
}
