/**
 * Markets of one source that stand still, by the word of its socket: what REST says of them is not believed.
 *
 * The socket ends a standstill with the next price. While it cannot be had nobody would, so then a standstill ends when REST
 * shows another price than before, and at the latest after an hour.
 */
import { OPEN_END_MS } from './connect/venue-halt.ts';

interface Standstill {
  /** What REST said first, once all that was traded before must have come there. */
  price?: bigint;
  readonly sinceMs: number;
}

/** REST may be behind the socket. */
const REST_LAG_MS = 10_000;

export class HaltedMarkets {
  readonly #bySymbol = new Map<string, Standstill>();
  /** Since when there is no word of the socket. */
  #downSinceMs: number | undefined;

  /** All times are monotonic. */
  add(symbol: string, nowMs: number): void {
    this.#bySymbol.set(symbol, { sinceMs: nowMs });
  }

  /** The socket has told a price of it. */
  end(symbol: string): void {
    this.#bySymbol.delete(symbol);
  }

  /** Others are not wanted any more. */
  keepOnly(markets: readonly { readonly symbol: string }[]): void {
    if (this.#bySymbol.size === 0) return;
    const wanted = new Set(markets.map(({ symbol }) => symbol));
    for (const symbol of this.#bySymbol.keys()) if (!wanted.has(symbol)) this.#bySymbol.delete(symbol);
  }

  noteSocket(isDown: boolean, nowMs: number): void {
    this.#downSinceMs = isDown ? (this.#downSinceMs ?? nowMs) : undefined;
  }

  /** Whether it still stands, now that REST says this of it. */
  has(symbol: string, price: bigint, nowMs: number): boolean {
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
