/** A market with a true price, and sources that tell it, lie, freeze or cross their books; all of it by one seed. */
import type { Decimal } from '@weir/wire';
import type { SourceQuote } from '../src/connect/connector.ts';

export type Manner = 'honest' | 'liar' | 'frozen' | 'crossed';

export interface MarketSource {
  readonly name: string;
  readonly manner: Manner;
  readonly quote: 'USD' | 'USDT';
}

/** What is said between two looks at the price. */
export interface MarketStep {
  readonly nowMs: number;
  readonly truth: Decimal;
  readonly said: readonly { readonly source: string; readonly quote: SourceQuote }[];
}

/** How far honest sources are from the true price, at most. */
export const BASIS_BPS = 5;
const STEP_MS = 500;
const ONE = 10n ** 18n;
const BPS = 10_000n;
/** A dollar is a little less than a USDT, and stays so. */
const USDT_RATE = (ONE * 9_995n) / BPS;

/** Uniform in [0, 1). */
function createChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const withBps = (price: Decimal, bps: number): Decimal =>
  price + (price * BigInt(Math.round(bps * 100))) / (BPS * 100n);

/** Frozen sources say nothing more after the first quarter; all others say something in every step. */
export function playMarket(seed: number, sources: readonly MarketSource[], steps: number): MarketStep[] {
  const chance = createChance(seed);
  let truth = BigInt(Math.floor(10 ** (chance() * 6) * 1_000)) * 10n ** 15n + ONE;
  return Array.from({ length: steps }, (_, step) => {
    const nowMs = step * STEP_MS;
    const isLeap = chance() < 0.02;
    truth = withBps(truth, (chance() - 0.5) * (isLeap ? 600 : 20));
    const said = sources.flatMap((source) => {
      if (source.manner === 'frozen' && step > steps / 4) return [];
      const quotes = [{ source: source.name, quote: say(source, truth, nowMs, chance) }];
      if (source.quote === 'USD')
        quotes.push({ source: source.name, quote: market('USDT', 'USD', USDT_RATE, USDT_RATE, USDT_RATE, nowMs) });
      return quotes;
    });
    return { nowMs, truth, said };
  });
}

function say({ manner, quote }: MarketSource, truth: Decimal, nowMs: number, chance: () => number): SourceQuote {
  const fair = quote === 'USD' ? truth : (truth * ONE) / USDT_RATE;
  const middle = withBps(fair, (chance() - 0.5) * 2 * BASIS_BPS);
  const [bid, ask] = [withBps(middle, -BASIS_BPS / 2), withBps(middle, BASIS_BPS / 2)];
  if (manner === 'crossed')
    return market('BTC', quote, withBps(fair, (chance() - 0.5) * 4_000), withBps(fair, 500), fair, nowMs);
  if (manner !== 'liar') return market('BTC', quote, middle, bid, ask, nowMs);
  const lie = [-9_000, -300, -60, -20, 20, 60, 300, 90_000][Math.floor(chance() * 8)] ?? 0;
  const price = withBps(fair, lie);
  return market('BTC', quote, price, withBps(price, -1), withBps(price, 1), nowMs);
}

function market(asset: string, quote: string, price: Decimal, bid: Decimal, ask: Decimal, nowMs: number): SourceQuote {
  const symbol = `${asset}-${quote}`;
  return { asset, quote, symbol, price, bid, ask, tradeAtMs: nowMs, confirmedMonotonicMs: nowMs, via: 'ws' };
}

/** In another order, by the same seed. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const chance = createChance(seed);
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(chance() * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
