/**
 * How often a subscription that stands, and of which nothing is heard, is asked for again: after a minute, then twice as
 * long each time up to half an hour. A market may just be dead, and venues count what they are asked. Pure but for what it
 * remembers.
 */

const WAIT_MS_MIN = 60_000;
const WAIT_MS_MAX = 1_800_000;

interface Renewal {
  readonly dueMs: number;
  readonly waitMs: number;
}

export class RenewalPace {
  #renewals: ReadonlyMap<string, Renewal> = new Map();

  /** Those of the unproven symbols that are to be asked for again now. Whichever is not among them is forgotten. */
  due(unproven: readonly string[], nowMs: number): readonly string[] {
    const renewals = new Map<string, Renewal>();
    const due: string[] = [];
    for (const symbol of unproven) {
      const known = this.#renewals.get(symbol);
      if (known !== undefined && nowMs < known.dueMs) {
        renewals.set(symbol, known);
        continue;
      }
      const waitMs = known === undefined ? WAIT_MS_MIN : Math.min(WAIT_MS_MAX, known.waitMs * 2);
      renewals.set(symbol, { dueMs: nowMs + waitMs, waitMs });
      due.push(symbol);
    }
    this.#renewals = renewals;
    return due;
  }
}
