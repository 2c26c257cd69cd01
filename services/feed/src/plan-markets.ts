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

/** A market that is not followed, or one that is and does not look right by the venue's list. */
export interface MissingMarket {
  readonly asset: string;
  /** What was looked for. */
  readonly symbol: string;
  readonly reason: string;
  readonly isFollowed: boolean;
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
  const owns = overridden(input);
  const wanted = new Set(assets);
  if (quote === USD && settlement === USD && needsUsdtRate) wanted.add(USDT);
  for (const asset of wanted) {
    const pair = `${asset}-${quoteAt(settlement, { asset, quote })}`;
    // A venue of USDT markets has some in dollars too, where it has none in USDT.
    const own = owns.get(asset);
    const market = own?.market ?? listed?.get(pair) ?? listed?.get(`${asset}-${quote}`);
    if (market === undefined) {
      if (listed !== undefined) missing.push({ asset, symbol: pair, reason: NOT_LISTED, isFollowed: false });
      continue;
    }
    const { symbol } = market;
    const holder = markets.get(symbol);
    if (holder !== undefined) {
      missing.push({ asset, symbol, reason: `the symbol is taken by ${holder.asset}`, isFollowed: false });
      continue;
    }
    markets.set(symbol, market);
    const reasons = [];
    if (own?.other !== undefined) reasons.push(`is ${own.other}, as the venue lists it`);
    if (market.isHalted === true) reasons.push(SUSPENDED);
    if (reasons.length > 0) missing.push({ asset, symbol, reason: reasons.join('; '), isFollowed: true });
  }
  return { markets: [...markets.values()], missing };
}

interface OwnMarket {
  readonly market: Instrument;
  /** What the venue lists under its symbol, where that is not what it is followed as. */
  readonly other?: string;
}

function overridden({ assets, quote, settlement, symbols = {}, listed }: PlanInput): ReadonlyMap<string, OwnMarket> {
  const markets = new Map<string, OwnMarket>();
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
    const market = { ...found, asset, quote: its, symbol };
    const isSame = found === undefined || (found.asset === asset && isQuotedIn(quote, found));
    markets.set(asset, isSame ? { market } : { market, other: `${found.asset}-${found.quote}` });
  }
  return markets;
}

/** Every coin with the dollar in its name passes: which of them are dollars is the operator's to say. */
function isQuotedIn(quote: string, listed: Instrument): boolean {
  return listed.quote === quote || (quote === USD && listed.quote.includes(USD));
}
