/** The one true price of every pair, which all simulated venues follow and a test compares a published price with. */
import { parsePair } from '@weir/wire';
import { formatFixed, parseFixed, rescale, type Fixed } from './fixed-point.ts';
import { DOLLAR, TETHER, type ListedPair, type Listing } from './list-markets.ts';
import { createPriceWalk } from './price-walk.ts';

export interface FairPrices {
  readonly pairs: readonly ListedPair[];
  /** Moves one pair and answers its place; `undefined` when none has a price. */
  step(): number | undefined;
  /** What a market is worth; `undefined` when its pair, or the rate it is converted by, has no price. */
  worth(listing: Listing): Fixed | undefined;
  /** "BTC", "BTC-USD", "BTC-USDT": exact text; `undefined` when nothing is known of it. */
  truth(pair: string): string | undefined;
  /** All pairs with a price, as `<ASSET>-<QUOTE>`. */
  truths(): Readonly<Record<string, string>>;
  /** A jump: every venue follows. Throws RangeError for an unknown pair. Answers its place. */
  set(pair: string, text: string): number;
}

/** A coin that is worth a dollar stays near one, or every feed would rightly drop what is converted by it. */
const STABLE = new Set([TETHER, 'USDC']);
const STABLE_BAND_BPS = 50;

export function createFairPrices(seed: number, pairs: readonly ListedPair[]): FairPrices {
  const places = new Map(pairs.map(({ asset, quote }, place) => [`${asset}-${quote}`, place]));
  const walking = pairs.flatMap(({ asset, quote, price }, place) => {
    if (price === undefined) return [];
    const isStable = quote === DOLLAR && STABLE.has(asset);
    return [{ place, start: { ...parseFixed(price), ...(isStable && { bandBps: STABLE_BAND_BPS }) } }];
  });
  const steps = new Map(walking.map(({ place }, index) => [place, index]));
  const walk = createPriceWalk(
    seed,
    walking.map(({ start }) => start),
  );
  const priceAt = (place: number | undefined): Fixed | undefined => {
    const index = place === undefined ? undefined : steps.get(place);
    const units = index === undefined ? undefined : walk.units(index);
    const decimals = index === undefined ? undefined : walking[index]?.start.decimals;
    return units === undefined || decimals === undefined ? undefined : { units, decimals };
  };
  const rate = places.get(`${TETHER}-${DOLLAR}`);
  const convert = (price: Fixed | undefined): Fixed | undefined => {
    const by = priceAt(rate);
    return price === undefined || by === undefined ? undefined : divide(price, by);
  };
  const truth = (pair: string): Fixed | undefined => {
    const wanted = parsePair(pair);
    if (wanted === undefined) return undefined;
    const { asset, quote } = wanted;
    const inDollars = quote === TETHER ? places.get(`${asset}-${DOLLAR}`) : undefined;
    return convert(priceAt(inDollars)) ?? priceAt(places.get(`${asset}-${quote}`));
  };
  return {
    pairs,
    step: () => {
      const next = walk.next();
      return next === undefined ? undefined : walking[next.index]?.place;
    },
    worth: ({ pair, isConverted }) => (isConverted ? convert(priceAt(pair)) : priceAt(pair)),
    truth: (pair) => textOf(truth(pair)),
    truths: () =>
      Object.fromEntries(
        [...places].flatMap(([name, place]) => {
          const text = textOf(priceAt(place));
          return text === undefined ? [] : [[name, text]];
        }),
      ),
    set: (pair, text) => {
      const wanted = parsePair(pair);
      const place = wanted && places.get(`${wanted.asset}-${wanted.quote}`);
      const index = place === undefined ? undefined : steps.get(place);
      const decimals = index === undefined ? undefined : walking[index]?.start.decimals;
      if (place === undefined || index === undefined || decimals === undefined) {
        throw new RangeError(`no fair price walks for "${pair}"`);
      }
      walk.set(index, atScale(parseFixed(text), decimals).units);
      return place;
    },
  };
}

function textOf(price: Fixed | undefined): string | undefined {
  return price && formatFixed(price);
}

/** With the decimals of what is divided, and never nothing. */
function divide({ units, decimals }: Fixed, by: Fixed): Fixed {
  const quotient = (units * 10n ** BigInt(by.decimals) + by.units / 2n) / by.units;
  return { units: quotient < 1n ? 1n : quotient, decimals };
}

/** The tick size stays what it was: finer digits are cut off. */
function atScale(value: Fixed, decimals: number): Fixed {
  if (value.decimals <= decimals) return rescale(value, decimals);
  const units = value.units / 10n ** BigInt(value.decimals - decimals);
  return { units: units < 1n ? 1n : units, decimals };
}
