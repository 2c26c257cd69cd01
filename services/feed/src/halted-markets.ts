/**
 * Markets of one source that stand still: what REST says of them is not believed.
 *
 * By the word of its socket: that ends a standstill with the next price. While it cannot be had nobody would, so then a
 * standstill ends when REST shows another price than before, and at the latest after an hour.
 *
 * By the word of the venue's list, where the socket says nothing of it and proves the market with all others: what the socket
 * repeats is not believed either. The list ends it, and until the next one is there a frame with another price or a later
 * trade; where no further one follows within ten minutes and the list stays the same, it was the last trade that came late.
 */
import type { Instrument } from '@weir/venues';
import type { SourceQuote } from './connect/connector.ts';
import { OPEN_END_MS } from './connect/venue-halt.ts';

interface Standstill {
  /** What REST said first, once all that was traded before must have come there. */
  price?: bigint;
  readonly sinceMs: number;
}

/** REST may be behind the socket. */
const REST_LAG_MS = 10_000;
/** Longer than it takes until a new list has come: `@weir/upstream`. */
const MOVED_MS = 600_000;

/** A market that the list says stands still, and what the socket has said of it. */
interface Suspension {
  price: bigint | undefined;
  tradeAtMs: number | undefined;
  movedMs: number;
}

export class HaltedMarkets {
  readonly #bySymbol = new Map<string, Standstill>();
  readonly #suspended = new Map<string, Suspension>();
  /** Since when there is no word of the socket. */
  #downSinceMs: number | undefined;

  /** All times are monotonic. */
  add(symbol: string, nowMs: number): void {
    this.#bySymbol.set(symbol, { sinceMs: nowMs });
  }

  /** The socket has told this of it; whether it stands still all the same, as the list says. */
  stands({ symbol, price, tradeAtMs }: SourceQuote, nowMs: number): boolean {
    this.#bySymbol.delete(symbol);
    const suspension = this.#suspended.get(symbol);
    if (suspension === undefined) return false;
    const isTradedAnew = (tradeAtMs ?? -Infinity) > (suspension.tradeAtMs ?? Infinity);
    if (isTradedAnew || (suspension.price !== undefined && suspension.price !== price)) suspension.movedMs = nowMs;
    suspension.price = price;
    suspension.tradeAtMs = tradeAtMs;
    return nowMs - suspension.movedMs > MOVED_MS;
  }

  /** These are wanted, and no others; which of them stand still now, by the list, and did not before. */
  follow(markets: readonly Instrument[]): readonly Instrument[] {
    this.#keepOnly(markets);
    const suspended = markets.filter(({ isHalted }) => isHalted === true);
    const symbols = new Set(suspended.map(({ symbol }) => symbol));
    for (const symbol of this.#suspended.keys()) if (!symbols.has(symbol)) this.#suspended.delete(symbol);
    const newly = suspended.filter(({ symbol }) => !this.#suspended.has(symbol));
    for (const { symbol } of newly) {
      this.#suspended.set(symbol, { price: undefined, tradeAtMs: undefined, movedMs: -Infinity });
    }
    return newly;
  }

  #keepOnly(markets: readonly Instrument[]): void {
    if (this.#bySymbol.size === 0) return;
    const wanted = new Set(markets.map(({ symbol }) => symbol));
    for (const symbol of this.#bySymbol.keys()) if (!wanted.has(symbol)) this.#bySymbol.delete(symbol);
  }

  noteSocket(isDown: boolean, nowMs: number): void {
    this.#downSinceMs = isDown ? (this.#downSinceMs ?? nowMs) : undefined;
  }

  /** Whether it still stands, now that REST says this of it. */
  has(symbol: string, price: bigint, nowMs: number): boolean {
    const suspension = this.#suspended.get(symbol);
    if (suspension !== undefined && nowMs - suspension.movedMs > MOVED_MS) return true;
    const standstill = this.#bySymbol.get(symbol);
    if (standstill === undefined) return false;
    if (this.#downSinceMs === undefined || nowMs - standstill.sinceMs < REST_LAG_MS) return true;
    const isForLong = nowMs - Math.max(this.#downSinceMs, standstill.sinceMs) >= OPEN_END_MS;
    standstill.price ??= price;
    if (standstill.price === price && !isForLong) return true;
    this.#bySymbol.delete(symbol);
    return false;
  }
}
