/** Where a demonstration's prices start: near the truth of late 2026 for well-known assets, made up from the name for the rest. */
import { DECIMAL_ONE, formatDecimal, parseDecimal, type Decimal } from '@weir/wire';
import type { ListedPair } from './list-markets.ts';
import { createRandom } from './random.ts';

const US_DOLLARS: Readonly<Record<string, string>> = {
  BTC: '84737.58',
  ETH: '3138.41',
  SOL: '171.32',
  BNB: '812.64',
  XRP: '2.1437',
  DOGE: '0.16729',
  ADA: '0.49138',
  AVAX: '17.842',
  LINK: '13.842',
  DOT: '3.1265',
  LTC: '91.47',
  BCH: '498.33',
  USDT: '1.0002',
  USDC: '1',
  USD: '1',
  EUR: '1.0843',
  GBP: '1.2719',
};

/** Five digits that count are what venues quote, or cents if those are finer. */
const SIGNIFICANT_DIGITS = 5;

export function demoPair(asset: string, quote: string): ListedPair {
  const value = (dollars(asset) * DECIMAL_ONE) / dollars(quote);
  const whole = (value / DECIMAL_ONE).toString();
  const leadingZeros = /^0*/.exec(value.toString().padStart(18, '0'))?.[0].length ?? 0;
  const finest = whole === '0' ? leadingZeros + SIGNIFICANT_DIGITS : SIGNIFICANT_DIGITS - whole.length;
  const decimals = Math.min(18, Math.max(2, finest));
  const [digits = '0', fraction = ''] = formatDecimal(value).split('.');
  return { asset, quote, price: `${digits}.${fraction.padEnd(decimals, '0').slice(0, decimals)}` };
}

function dollars(code: string): Decimal {
  const known = parseDecimal(US_DOLLARS[code] ?? '');
  if (known !== undefined) return known;
  const random = createRandom(`start ${code}`);
  return (DECIMAL_ONE * BigInt(1_000 + Math.floor(random() * 99_000))) / 1_000n;
}
