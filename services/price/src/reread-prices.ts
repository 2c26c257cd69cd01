/** Reads many pairs again from Valkey without burdening it: at most 2,000 a second, those asked for last first. */
import type { Clock, Timer } from '@weir/clock';
import type { Slot } from './price-table.ts';
import type { PriceReader } from './read-price.ts';

const STEP_INTERVAL_MS = 50;
const READS_PER_STEP = 100;
/** After a step in which Valkey did not answer. */
const PAUSE_MS = 1_000;

export interface Rereader {
  add(slots: Iterable<Slot>): void;
  readonly pending: number;
  /** Resolves once nothing is left to read. */
  idle(): Promise<void>;
  close(): void;
}

export function createRereader(options: {
  readonly reader: Pick<PriceReader, 'read'>;
  readonly clock: Clock;
}): Rereader {
  const { reader, clock } = options;
  let pending = new Set<Slot>();
  const waiting: (() => void)[] = [];
  let timer: Timer | undefined;
  let isStepping = false;
  let isClosed = false;

  const schedule = (delayMs: number): void => {
    if (!isClosed) timer ??= clock.setTimeout(() => void step(), delayMs);
  };

  const step = async (): Promise<void> => {
    timer = undefined;
    isStepping = true;
    const slots = [...pending].slice(0, READS_PER_STEP);
    for (const slot of slots) pending.delete(slot);
    const answered = await Promise.all(slots.map((slot) => reader.read(slot)));
    const unread = slots.filter((_, index) => answered[index] !== true);
    for (const slot of unread) pending.add(slot);
    isStepping = false;
    if (pending.size > 0) schedule(unread.length > 0 ? PAUSE_MS : STEP_INTERVAL_MS);
    else for (const resolve of waiting.splice(0)) resolve();
  };

  return {
    get pending() {
      return pending.size;
    },
    add(slots) {
      pending = new Set([...pending, ...slots].toSorted((a, b) => b.lastAskedMs - a.lastAskedMs));
      if (pending.size > 0 && !isStepping) schedule(0);
    },
    idle: () =>
      pending.size === 0 && !isStepping
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push(resolve);
          }),
    close() {
      isClosed = true;
      timer?.cancel();
    },
  };
}
