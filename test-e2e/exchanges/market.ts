/** What one venue trades: its products, their last quote, and what the venue refuses or has halted. Knows no protocol. */
import { parsePair } from '@weir/wire';
import { formatFixed, parseFixed, rescale, type Fixed } from './fixed-point.ts';
import { createPriceWalk } from './price-walk.ts';
import { createRandom, type Random } from './random.ts';

export interface ListedPair {
  readonly asset: string;
  readonly quote: string;
  /** Start of the walk; its digits after the point are the tick size. Absent: listed, but nothing has traded yet. */
  readonly price?: string;
}

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
  readonly time: string;
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
  /** One step of the walk; `undefined` when its product is held or the venue is halted. */
  step(nowMs: number): Product | undefined;
  setPrice(pair: string, text: string, nowMs: number): Product;
  /** Takes a quote from a recording; `undefined` when the symbol is not listed. */
  remember(symbol: string, quote: Quote): Product | undefined;
  /** A product that may be asked for. */
  find(symbol: string): Product | undefined;
  productOf(pair: string): Product;
}

export interface MarketOptions {
  readonly venue: string;
  readonly seed: number;
  readonly pairs: readonly ListedPair[];
  /** When every priced product traded first: a snapshot exists from the first subscription on. */
  readonly openedMs: number;
  symbolOf(asset: string, quote: string): string;
}

/** ISO with microseconds, as the venues write it. */
export function venueTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}

export function createMarket(options: MarketOptions): Market {
  const random = createRandom(`trades ${options.seed} ${options.venue}`);
  const products = new Map<string, Product>();
  for (const { asset, quote, price } of options.pairs) {
    const symbol = options.symbolOf(asset, quote);
    const decimals = price === undefined ? 0 : parseFixed(price).decimals;
    products.set(symbol, { symbol, asset, quote, open: price ?? '0', decimals, held: false, last: undefined });
  }
  const walking = [...products.values()].filter((product) => product.open !== '0');
  const walk = createPriceWalk(
    options.seed,
    options.venue,
    walking.map(({ open }) => parseFixed(open)),
  );
  const refused = new Set<string>();

  const trade = (before: Product, at: Fixed, nowMs: number): Product => {
    const after = tradeAt(before, at, nowMs, random);
    products.set(before.symbol, after);
    return after;
  };
  for (const product of walking) trade(product, parseFixed(product.open), options.openedMs);

  const market: Market = {
    products,
    refused,
    maintenance: { system: 'online' },
    step: (nowMs) => {
      const next = walk.next();
      const symbol = next === undefined ? undefined : walking[next.index]?.symbol;
      const product = symbol === undefined ? undefined : products.get(symbol);
      if (next === undefined || product === undefined) return undefined;
      if (product.held || market.maintenance.system !== 'online') return undefined;
      return trade(product, { units: next.units, decimals: product.decimals }, nowMs);
    },
    setPrice: (pair, text, nowMs) => {
      const product = market.productOf(pair);
      const value = parseFixed(text);
      const decimals = Math.max(product.decimals, value.decimals);
      return trade({ ...product, held: true }, rescale(value, decimals), nowMs);
    },
    remember: (symbol, quote) => {
      const product = products.get(symbol);
      if (product === undefined) return undefined;
      const after = { ...product, held: true, last: quote };
      products.set(symbol, after);
      return after;
    },
    find: (symbol) => (refused.has(symbol) ? undefined : products.get(symbol)),
    productOf: (pair) => productOf(products, pair),
  };
  return market;
}

/** The product after a trade at this price, with a book of one tick around it. */
function tradeAt(before: Product, at: Fixed, nowMs: number, random: Random): Product {
  const side = random() < 0.5 ? 'buy' : 'sell';
  const text = (units: bigint): string => formatFixed({ units, decimals: at.decimals });
  const last: Quote = {
    price: text(at.units),
    bid: text(side === 'buy' && at.units > 1n ? at.units - 1n : at.units),
    ask: text(side === 'buy' ? at.units : at.units + 1n),
    size: (0.0001 + random()).toFixed(8),
    side,
    tradeId: (before.last?.tradeId ?? 1_000_000) + 1,
    // Counts all events of the product, so tickers see gaps.
    sequence: (before.last?.sequence ?? 1) + 1 + Math.floor(random() * 20),
    time: venueTime(nowMs),
  };
  return { ...before, decimals: at.decimals, last };
}

function productOf(products: ReadonlyMap<string, Product>, pair: string): Product {
  const wanted = parsePair(pair);
  for (const product of products.values()) {
    if (product.asset === wanted?.asset && product.quote === wanted.quote) return product;
  }
  throw new RangeError(`the simulated venue does not list "${pair}"`);
}
