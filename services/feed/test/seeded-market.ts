/** A market with a true price, and sources that tell it or something else, each in its manner; all of it by one seed. */
import { formatDecimal, type Decimal } from '@weir/wire';
import type { SourceQuote } from '../src/connect/connector.ts';
import { createSourceQuotes } from '../src/connect/source-quotes.ts';

/**
 * These tell the truth. slow: now and then. rest-only: every 2 s, without a book and without the time of its trade.
 * steps-back: at all times by frames of a venue whose clock is set forward and back.
 */
export type HonestManner = 'honest' | 'slow' | 'rest-only' | 'steps-back';
/** These do not. frozen: falls silent. stuck: says the same for ever, and that it is current. */
export type WrongManner = 'liar' | 'frozen' | 'stuck' | 'crossed';

export interface MarketSource {
  readonly name: string;
  readonly manner: HonestManner | WrongManner;
  readonly quote: 'USD' | 'USDT';
}

/** What is said between two looks at the price. */
export interface MarketStep {
  readonly nowMs: number;
  readonly truth: Decimal;
  /** Dollars for a USDT. */
  readonly rate: Decimal;
  readonly said: readonly { readonly source: string; readonly quote: SourceQuote }[];
}

/** How far honest sources are from the true price, at most. */
export const BASIS_BPS = 5;
const STEP_MS = 500;
const ONE = 10n ** 18n;
const BPS = 10_000n;
/** A dollar is a little less than a USDT, and stays so. */
const STEADY_RATE = (ONE * 9_995n) / BPS;
const WALL_MS = Date.parse('2026-11-20T10:00:00Z');

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

/** What a source makes of the price at each step. */
type Voice = (fair: Decimal, step: number) => readonly SourceQuote[];

export interface MarketOptions {
  /** In basis points from the dollar, by step. */
  readonly rateBpsAt?: (step: number) => number;
}

/** Frozen and stuck sources are as any other in the first quarter. */
export function playMarket(
  seed: number,
  sources: readonly MarketSource[],
  steps: number,
  { rateBpsAt }: MarketOptions = {},
): MarketStep[] {
  const chance = createChance(seed);
  let truth = BigInt(Math.floor(10 ** (chance() * 6) * 1_000)) * 10n ** 15n + ONE;
  const voices = sources.map((source) => ({ source, voice: createVoice(source, chance, steps / 4) }));
  return Array.from({ length: steps }, (_, step) => {
    const nowMs = step * STEP_MS;
    const isLeap = chance() < 0.02;
    truth = withBps(truth, (chance() - 0.5) * (isLeap ? 600 : 20));
    const rate = rateBpsAt === undefined ? STEADY_RATE : withBps(ONE, rateBpsAt(step));
    const said = voices.flatMap(({ source, voice }) => {
      const quotes = voice(source.quote === 'USD' ? truth : (truth * ONE) / rate, step);
      const told = quotes.map((quote) => ({ source: source.name, quote }));
      if (source.quote === 'USD' && told.length > 0)
        told.push({ source: source.name, quote: bookedQuote('USDT', 'USD', rate, [rate, rate], nowMs) });
      return told;
    });
    return { nowMs, truth, rate, said };
  });
}

function createVoice({ manner, quote }: MarketSource, chance: () => number, wrongFrom: number): Voice {
  const near: Voice = (fair, step) => {
    const middle = withBps(fair, (chance() - 0.5) * 2 * BASIS_BPS);
    const book = [withBps(middle, -BASIS_BPS / 2), withBps(middle, BASIS_BPS / 2)] as const;
    return [bookedQuote('BTC', quote, middle, book, step * STEP_MS)];
  };
  switch (manner) {
    case 'honest':
      return near;
    case 'slow':
      return slowVoice(near, chance);
    case 'rest-only':
      return (fair, step) => (step % 4 === 0 ? near(fair, step).map(undated) : []);
    case 'steps-back':
      return steppingVoice(near, chance);
    case 'frozen':
      return (fair, step) => (step > wrongFrom ? [] : near(fair, step));
    case 'stuck':
      return stuckVoice(near, wrongFrom);
    case 'crossed':
      return (fair, step) => {
        const price = withBps(fair, (chance() - 0.5) * 4_000);
        return [bookedQuote('BTC', quote, price, [withBps(fair, 500), fair], step * STEP_MS)];
      };
    case 'liar':
      return (fair, step) => {
        const lie = [-9_000, -300, -60, -20, 20, 60, 300, 90_000][Math.floor(chance() * 8)] ?? 0;
        const price = withBps(fair, lie);
        return [bookedQuote('BTC', quote, price, [withBps(price, -1), withBps(price, 1)], step * STEP_MS)];
      };
  }
}

/** Every 6 to 14 s. */
function slowVoice(near: Voice, chance: () => number): Voice {
  let next = 0;
  return (fair, step) => {
    if (step < next) return [];
    next = step + 12 + Math.floor(chance() * 17);
    return near(fair, step);
  };
}

function stuckVoice(near: Voice, wrongFrom: number): Voice {
  let last: readonly SourceQuote[] = [];
  return (fair, step) => {
    if (step <= wrongFrom) last = near(fair, step);
    return last.map((quote) => ({ ...quote, confirmedMonotonicMs: step * STEP_MS }));
  };
}

const CLOCKS_MS = [-30_000, -1_900, 0, 1_900, 5_000];

/** Tickers of a venue that pushes every change, by way of a connection. */
function steppingVoice(near: Voice, chance: () => number): Voice {
  let told: SourceQuote[] = [];
  let clockMs = 0;
  const market = { asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' };
  const quotes = createSourceQuotes({
    symbols: [market],
    proofOfLife: 'connection-heartbeat',
    isSubscribed: () => true,
    isHalted: () => false,
    isOpen: (connection) => connection === 1,
    onQuote: (quote) => told.push(quote),
  });
  return (fair, step) => {
    const nowMs = step * STEP_MS;
    const arrival = { monotonicMs: nowMs, wallMs: WALL_MS + nowMs, connection: 1 };
    if (chance() < 0.05) clockMs = CLOCKS_MS[Math.floor(chance() * CLOCKS_MS.length)] ?? 0;
    told = [];
    for (const { price, quote } of near(fair, step)) {
      const venueTime = new Date(WALL_MS + nowMs + clockMs).toISOString();
      quotes.ticker({ kind: 'ticker', ...market, price: formatDecimal(price), venueTime }, arrival);
      quotes.alive(arrival);
      told = told.map((one) => ({ ...one, quote, symbol: `BTC-${quote}` }));
    }
    return told;
  };
}

function undated({ asset, quote, symbol, price, confirmedMonotonicMs }: SourceQuote): SourceQuote {
  return { asset, quote, symbol, price, confirmedMonotonicMs, via: 'rest' };
}

function bookedQuote(
  asset: string,
  quote: string,
  price: Decimal,
  [bid, ask]: readonly [Decimal, Decimal],
  nowMs: number,
): SourceQuote {
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
