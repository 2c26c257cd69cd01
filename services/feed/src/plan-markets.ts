/** Which markets of a venue a source follows for the assets of its feed. Pure. */
import { quoteAt } from '@weir/upstream';
import type { Instrument, Settlement } from '@weir/venues';

/** By `<ASSET>-<QUOTE>`, as the venue lists them. */
export type Listed = ReadonlyMap<string, Instrument>;

export interface PlanInput {
  readonly assets: readonly string[];
  readonly quote: string;
  readonly settlement: Settlement;
  /** Some source of the feed takes prices in USDT, so that its rate is needed of those that can tell it. */
  readonly needsUsdtRate: boolean;
  /** The operator's own symbols by asset: they hold, whatever is listed. */
  readonly symbols?: Readonly<Record<string, string>>;
  /** `undefined`: not known yet. */
  readonly listed: Listed | undefined;
}

/** One that is followed and stands still by the venue's list is named too. */
export interface MissingMarket {
  readonly asset: string;
  /** What was looked for. */
  readonly symbol: string;
  readonly reason: string;
}

export interface MarketPlan {
  /** `asset` and `quote` are the feed's, also where the venue's own list has other names for them. */
  readonly markets: readonly Instrument[];
  readonly missing: readonly MissingMarket[];
}

const USD = 'USD';
const USDT = 'USDT';
const NOT_LISTED = 'not listed by the venue';
const SUSPENDED = 'stands still, as the venue lists it';

export function planMarkets(input: PlanInput): MarketPlan {
  const { assets, quote, settlement, needsUsdtRate, listed } = input;
  const markets = new Map<string, Instrument>();
  const missing: MissingMarket[] = [];
  const bySymbol = overridden(input);
  const wanted = new Set(assets);
  if (quote === USD && settlement === USD && needsUsdtRate) wanted.add(USDT);
  for (const asset of wanted) {
    const pair = `${asset}-${quoteAt(settlement, { asset, quote })}`;
    // A venue of USDT markets has some in dollars too, where it has none in USDT.
    const market = bySymbol.get(asset) ?? listed?.get(pair) ?? listed?.get(`${asset}-${quote}`);
    if (market === undefined) {
      if (listed !== undefined) missing.push({ asset, symbol: pair, reason: NOT_LISTED });
      continue;
    }
    const holder = markets.get(market.symbol);
    if (holder === undefined) {
      markets.set(market.symbol, market);
      if (market.isHalted === true) missing.push({ asset, symbol: market.symbol, reason: SUSPENDED });
    } else missing.push({ asset, symbol: market.symbol, reason: `the symbol is taken by ${holder.asset}` });
  }
  return { markets: [...markets.values()], missing };
}

function overridden({ assets, quote, settlement, symbols = {}, listed }: PlanInput): ReadonlyMap<string, Instrument> {
  const markets = new Map<string, Instrument>();
  const entries = Object.entries(symbols);
  if (entries.length === 0) return markets;
  const bySymbol = new Map<string, Instrument>();
  for (const instrument of listed?.values() ?? []) bySymbol.set(instrument.symbol, instrument);
  const wanted = new Set(assets);
  for (const [asset, symbol] of entries) {
    if (!wanted.has(asset) && asset !== USDT) continue;
    const found = bySymbol.get(symbol);
    const expected = quoteAt(settlement, { asset, quote });
    // A dollar coin of another name is the dollar that the operator has chosen.
    const its = found === undefined || (found.quote === USDT && quote === USD) ? (found?.quote ?? expected) : quote;
    markets.set(asset, { ...found, asset, quote: its, symbol });
  }
  return markets;
}
