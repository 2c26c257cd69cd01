/**
 * Gemini writes "btcusd" and says nowhere in one answer where the asset ends; of a market's own details there is only
 * one call each.
 *
 * "btcgusd" could be BTC in GUSD or BTCG in USD. In the list of all symbols the other symbols tell: BTC is there in
 * other quotes, and PAXG of "paxgusd" in "paxgusdc". In a single frame nothing tells but what is known of assets.
 */
import { splitJoinedSymbol, type MarketName } from '../market-name.ts';

const QUOTES = [
  'USD',
  'GUSD',
  'RLUSD',
  'USDC',
  'USDT',
  'DAI',
  'EUR',
  'GBP',
  'SGD',
  'AUD',
  'BTC',
  'ETH',
  'BCH',
  'LTC',
  'SOL',
  'FIL',
  'XRP',
];

/** Their last letters belong to them, not to a quote after them. */
const ASSETS_LIKE_QUOTES = ['PAXG', 'MOODENG'];

/** Perpetual futures are no spot markets. */
const PERPETUAL = /perp$/i;

/** Of a frame; `symbol` comes out in lower case, which the venue answers in whatever it was asked in. */
export function marketOfFrame(symbol: unknown): MarketName | undefined {
  if (typeof symbol !== 'string') return undefined;
  const name = symbol.toUpperCase();
  const asset = ASSETS_LIKE_QUOTES.find((candidate) => name === `${candidate}USD`);
  if (asset !== undefined) return { symbol: symbol.toLowerCase(), asset, quote: 'USD' };
  return splitJoinedSymbol(symbol.toLowerCase(), QUOTES);
}

/** Of the whole list; symbols with a quote that is not known are left out, as are perpetual futures. */
export function marketsOfList(symbols: readonly string[]): readonly MarketName[] {
  const spot = [...new Set(symbols.map((symbol) => symbol.toLowerCase()))].filter((symbol) => !PERPETUAL.test(symbol));
  const readings = spot.map((symbol) => readingsOf(symbol));
  const sure = new Set(readings.flatMap((each) => (each.length === 1 ? each.map(({ asset }) => asset) : [])));
  return readings.flatMap((each) => {
    const best = each.find(({ asset }) => sure.has(asset)) ?? each[0];
    return best === undefined ? [] : [best];
  });
}

/** The shortest quote first: new assets outnumber new quotes. */
function readingsOf(symbol: string): readonly MarketName[] {
  const name = symbol.toUpperCase();
  const quotes = QUOTES.filter((quote) => name.endsWith(quote) && name.length > quote.length);
  return quotes.toSorted((a, b) => a.length - b.length).flatMap((quote) => splitJoinedSymbol(symbol, [quote]) ?? []);
}
