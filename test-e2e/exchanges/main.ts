/** Runs the simulated venues alone: `node test-e2e/exchanges/main.ts --coinbase 9001 --kraken 9002 --pairs BTC,ETH,BTC-EUR`. */
import { parseArgs } from 'node:util';
import { parsePair } from '@weir/wire';
import { demoPair, startExchanges, type ExchangesOptions } from './index.ts';

const flags = {
  host: { type: 'string', default: '127.0.0.1' },
  coinbase: { type: 'string', default: '0' },
  kraken: { type: 'string', default: '0' },
  pairs: { type: 'string', default: 'BTC,ETH,SOL' },
  seed: { type: 'string', default: '1' },
  'ticks-per-second': { type: 'string', default: '20' },
} as const;

/** Throws RangeError with every fault, one per line; parseArgs throws TypeError. */
function readOptions(args: readonly string[]): ExchangesOptions {
  const { values } = parseArgs({ args: [...args], options: flags });
  const faults: string[] = [];
  const whole = (name: 'coinbase' | 'kraken' | 'seed' | 'ticks-per-second', max: number): number => {
    const text = values[name];
    if (!/^\d{1,9}$/.test(text) || Number(text) > max)
      faults.push(`--${name} is "${text}", and must be a whole number from 0 to ${max}`);
    return Number(text);
  };
  const pairs = values.pairs.split(',').flatMap((text) => {
    const pair = parsePair(text);
    if (pair === undefined) faults.push(`--pairs: "${text}" is not a pair such as BTC or BTC-EUR`);
    return pair === undefined ? [] : [demoPair(pair.asset, pair.quote)];
  });
  const options: ExchangesOptions = {
    venues: ['coinbase', 'kraken'],
    host: values.host,
    ports: { coinbase: whole('coinbase', 65_535), kraken: whole('kraken', 65_535) },
    pairs,
    seed: whole('seed', 999_999_999),
    ticksPerSecond: whole('ticks-per-second', 1_000_000),
  };
  if (faults.length > 0) throw new RangeError(faults.join('\n'));
  return options;
}

function readOptionsOrExit(): ExchangesOptions {
  try {
    return readOptions(process.argv.slice(2));
  } catch (err) {
    console.error(err instanceof Error ? err.message : String(err));
    process.exit(2);
  }
}

const exchanges = await startExchanges(readOptionsOrExit());
for (const [id, { ws, rest }] of Object.entries(exchanges.addresses)) console.log(`${id} ${ws} ${rest}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void exchanges.stop());
