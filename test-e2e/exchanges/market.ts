/** What one venue trades: its products, their last quote, and what the venue refuses or has halted. Knows no protocol. */
import { parsePair } from '@weir/wire';
import type { FairPrices } from './fair-prices.ts';
import { formatFixed, parseFixed, rescale, type Fixed } from './fixed-point.ts';
import { DOLLAR, TETHER, type Listing } from './list-markets.ts';
import { addNoise } from './price-walk.ts';
import { createRandom, type Random } from './random.ts';
import type { Strikes } from './strikes.ts';
import type { VenueFaults } from './venue-faults.ts';

/** The last trade and the book around it, as exact texts. */
export interface Quote {
  readonly price: string;
  readonly bid: string;
  readonly ask: string;
  readonly size: string;
  /** Side of the taker. */
  readonly side: 'buy' | 'sell';
  readonly tradeId: number;
  readonly sequence: number;
  /** ISO with microseconds. */
  readonly time: string;
  readonly timeMs: number;
}

export interface Product {
  readonly symbol: string;
  readonly asset: string;
  readonly quote: string;
  readonly open: string;
  readonly decimals: number;
  /** Held at a set or replayed price: the walk leaves it alone. */
  readonly held: boolean;
  readonly last: Quote | undefined;
}

export type SystemState = 'online' | 'maintenance' | 'cancel_only' | 'post_only';

export interface Maintenance {
  readonly system: SystemState;
  /** Announced work. */
  readonly upcoming?: { readonly startMs: number; readonly endMs: number; readonly title: string };
}

export interface Market {
  /** By venue symbol. */
  readonly products: ReadonlyMap<string, Product>;
  readonly refused: Set<string>;
  maintenance: Maintenance;
  /** Trades what follows this pair at its fair price; nothing that is held, and nothing while the venue is halted. */
  follow(pair: number, nowMs: number): readonly Product[];
  /** Trades so many products, chosen by the seed, at their fair prices. */
  burst(count: number, nowMs: number): Product[];
  setPrice(pair: string, text: string, nowMs: number): Product;
  /** The walk may move it again. */
  release(pair: string): void;
  /** Takes a quote from a recording; `undefined` when the symbol is not listed. */
  remember(symbol: string, quote: Omit<Quote, 'timeMs'>): Product | undefined;
  /** A product that may be asked for. */
  find(symbol: string): Product | undefined;
  /** By pair; a pair in dollars that is listed in USDT alone is that market. */
  productOf(pair: string): Product;
}

export interface MarketOptions {
  readonly venue: string;
  readonly seed: number;
  readonly listings: readonly Listing[];
  readonly fair: FairPrices;
  readonly faults: Readonly<VenueFaults>;
  readonly strikes: Strikes;
  /** When every priced product traded first: a snapshot exists from the first subscription on. */
  readonly openedMs: number;
  readonly symbolOf: (asset: string, quote: string) => string;
}

interface Followed {
  readonly symbol: string;
  readonly listing: Listing;
}

const BPS = 10_000;

/** ISO with microseconds, as the venues write it. */
export function venueTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}

export function createMarket(options: MarketOptions): Market {
  const { fair, faults, strikes, openedMs, venue, seed } = options;
  const random = createRandom(`trades ${seed} ${venue}`);
  const noise = createRandom(`noise ${seed} ${venue}`);
  const { products, followers } = openProducts(options);
  const everyFollower = [...followers.values()].flat();
  const refused = new Set<string>();

  const trade = (before: Product, at: Fixed, nowMs: number): Product => {
    const after = tradeAt(before, at, { nowMs, random, crossedBps: faults.crossedBps });
    products.set(before.symbol, after);
    return after;
  };
  const isHalted = (): boolean => isStandingStill(market, options);
  const tradeFairly = ({ symbol, listing }: Followed, nowMs: number): Product[] => {
    const product = products.get(symbol);
    const worth = fair.worth(listing);
    if (product === undefined || worth === undefined || product.held) return [];
    if (faults.lieBps !== 0) strikes.note('lieBps');
    if (faults.crossedBps !== 0) strikes.note('crossedBps');
    return [trade(product, lie({ ...worth, units: addNoise(worth.units, noise) }, faults.lieBps), nowMs)];
  };
  const market: Market = {
    products,
    refused,
    maintenance: { system: 'online' },
    follow: (pair, nowMs) =>
      isHalted() ? [] : (followers.get(pair) ?? []).flatMap((followed) => tradeFairly(followed, nowMs)),
    burst: (count, nowMs) =>
      Array.from({ length: isHalted() ? 0 : count }, () => everyFollower[Math.floor(random() * everyFollower.length)])
        .filter((followed) => followed !== undefined)
        .flatMap((followed) => tradeFairly(followed, nowMs)),
    setPrice: (pair, text, nowMs) => {
      const product = market.productOf(pair);
      const value = parseFixed(text);
      const decimals = Math.max(product.decimals, value.decimals);
      return trade({ ...product, held: true }, rescale(value, decimals), nowMs);
    },
    release: (pair) => {
      const product = market.productOf(pair);
      products.set(product.symbol, { ...product, held: false });
    },
    remember: (symbol, quote) => {
      const product = products.get(symbol);
      if (product === undefined) return undefined;
      const after = { ...product, held: true, last: { ...quote, timeMs: Date.parse(quote.time) || 0 } };
      products.set(symbol, after);
      return after;
    },
    find: (symbol) => (isUnknown(symbol, refused, options) ? undefined : products.get(symbol)),
    productOf: (pair) => productOf(options, products, pair),
  };
  for (const product of products.values()) {
    if (product.open !== '0') trade(product, parseFixed(product.open), openedMs);
  }
  return market;
}

function isStandingStill({ maintenance }: Market, { faults, strikes }: MarketOptions): boolean {
  const isOnline = maintenance.system === 'online';
  if (isOnline && !faults.isFrozen) return false;
  strikes.note(isOnline ? 'isFrozen' : 'maintenance');
  return true;
}

function isUnknown(symbol: string, refused: ReadonlySet<string>, { faults, strikes, seed }: MarketOptions): boolean {
  if (refused.has(symbol)) {
    strikes.note('refused');
    return true;
  }
  if (faults.unknownShare === 0 || createRandom(`unknown ${seed} ${symbol}`)() >= faults.unknownShare) return false;
  strikes.note('unknownShare');
  return true;
}

function openProducts({ listings, fair, symbolOf }: MarketOptions): {
  readonly products: Map<string, Product>;
  /** By the place of the pair that they follow. */
  readonly followers: ReadonlyMap<number, readonly Followed[]>;
} {
  const products = new Map<string, Product>();
  const followers = new Map<number, Followed[]>();
  for (const listing of listings) {
    const { asset, quote, pair } = listing;
    const symbol = symbolOf(asset, quote);
    const worth = fair.worth(listing);
    const open = worth === undefined ? '0' : formatFixed(worth);
    products.set(symbol, {
      symbol,
      asset,
      quote,
      open,
      decimals: worth?.decimals ?? 0,
      held: false,
      last: undefined,
    });
    followers.set(pair, [...(followers.get(pair) ?? []), { symbol, listing }]);
  }
  return { products, followers };
}

interface Circumstances {
  readonly nowMs: number;
  readonly random: Random;
  readonly crossedBps: number;
}

/** The product after a trade at this price, with a book of one tick around it. */
function tradeAt(before: Product, at: Fixed, { nowMs, random, crossedBps }: Circumstances): Product {
  const side = random() < 0.5 ? 'buy' : 'sell';
  const text = (units: bigint): string => formatFixed({ units, decimals: at.decimals });
  const bid = side === 'buy' && at.units > 1n ? at.units - 1n : at.units;
  const ask = side === 'buy' ? at.units : at.units + 1n;
  const reach = (at.units * BigInt(crossedBps)) / BigInt(2 * BPS) + 1n;
  const isCrossed = crossedBps > 0 && at.units > reach;
  const last: Quote = {
    price: text(at.units),
    bid: text(isCrossed ? at.units + reach : bid),
    ask: text(isCrossed ? at.units - reach : ask),
    size: (0.0001 + random()).toFixed(8),
    side,
    tradeId: (before.last?.tradeId ?? 1_000_000) + 1,
    // Counts all events of the product, so tickers see gaps.
    sequence: (before.last?.sequence ?? 1) + 1 + Math.floor(random() * 20),
    time: venueTime(nowMs),
    timeMs: nowMs,
  };
  return { ...before, decimals: at.decimals, last };
}

function lie({ units, decimals }: Fixed, bps: number): Fixed {
  if (bps === 0) return { units, decimals };
  const off = (units * BigInt(BPS + bps)) / BigInt(BPS);
  return { units: off < 1n ? 1n : off, decimals };
}

function productOf({ symbolOf }: MarketOptions, products: ReadonlyMap<string, Product>, pair: string): Product {
  const wanted = parsePair(pair);
  const listedIn = (quote: string): Product | undefined => wanted && products.get(symbolOf(wanted.asset, quote));
  const found = wanted && (listedIn(wanted.quote) ?? (wanted.quote === DOLLAR ? listedIn(TETHER) : undefined));
  if (found !== undefined) return found;
  throw new RangeError(`the simulated venue does not list "${pair}"`);
}
