/**
 * Keeps the prices of an instance that does not publish as they would be published, a few at a time: what nobody has
 * looked at for long would all have to be looked at in one turn of the event loop, by a status or a takeover.
 */
import type { Clock, Timer } from '@weir/clock';
import type { QuoteBook } from './keep-quotes.ts';
import { takeTurn } from './take-turn.ts';

const PERIOD_MS = 50;
/** Every price is looked at once a second. */
const PERIODS = 20;

export interface SettlingOptions {
  readonly book: Pick<QuoteBook, 'assets' | 'refresh'>;
  readonly clock: Clock;
  /** Whoever publishes looks at everything anyway. */
  readonly isPublishing: () => boolean;
}

export function keepSettled({ book, clock, isPublishing }: SettlingOptions): Timer {
  let from = 0;
  return clock.setInterval(() => {
    if (isPublishing()) return;
    const { assets } = book;
    const { items, next } = takeTurn(assets, from, Math.ceil(assets.length / PERIODS));
    from = next;
    const nowMs = clock.monotonicMs();
    for (const asset of items) book.refresh(asset, nowMs);
  }, PERIOD_MS);
}
