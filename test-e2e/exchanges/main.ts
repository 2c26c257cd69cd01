/** Runs the simulated venues alone: `node test-e2e/exchanges/main.ts --coinbase 9001 --kraken 9002 --pairs BTC,ETH,BTC-EUR`. */
import { parseArgs } from 'node:util';
import { parsePair } from '@weir/wire';
import { demoPair, startExchanges } from './index.ts';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    coinbase: { type: 'string', default: '0' },
    kraken: { type: 'string', default: '0' },
    pairs: { type: 'string', default: 'BTC,ETH,SOL' },
    seed: { type: 'string', default: '1' },
    'ticks-per-second': { type: 'string', default: '20' },
  },
});

const exchanges = await startExchanges({
  venues: ['coinbase', 'kraken'],
  host: values.host,
  ports: { coinbase: Number(values.coinbase), kraken: Number(values.kraken) },
  pairs: values.pairs.split(',').map((text) => {
    const pair = parsePair(text);
    if (pair === undefined) throw new RangeError(`--pairs: "${text}" is not a pair such as BTC or BTC-EUR`);
    return demoPair(pair.asset, pair.quote);
  }),
  seed: Number(values.seed),
  ticksPerSecond: Number(values['ticks-per-second']),
});
for (const [id, { ws, rest }] of Object.entries(exchanges.addresses)) console.log(`${id} ${ws} ${rest}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void exchanges.stop());
