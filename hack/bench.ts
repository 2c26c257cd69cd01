/**
 * Benchmarks: `npm run --silent bench -- price`.
 *
 * What people read goes to stderr; the last line of stdout is one JSON object. Figures belong in docs/benchmarks.md, with
 * the machine and the commit.
 */
import { parseArgs } from 'node:util';
import { benchLimiter } from './bench/bench-limiter.ts';
import { benchLatency, LATENCY_BENCH_DEFAULTS } from './bench/bench-latency.ts';
import { benchOperator, OPERATOR_BENCH_DEFAULTS } from './bench/bench-operator.ts';
import { benchPrice, PRICE_BENCH_DEFAULTS } from './bench/bench-price.ts';
import { benchTicks, TICKS_BENCH_DEFAULTS } from './bench/bench-ticks.ts';
import { benchUdp, UDP_BENCH_DEFAULTS } from './bench/bench-udp.ts';

const USAGE = `Usage: npm run --silent bench -- <price|limiter|operator|latency|ticks|udp> [options]

price     the price service against bare Fastify and against @fastify/rate-limit
  --rounds <n>       of each server (${PRICE_BENCH_DEFAULTS.rounds})
  --round-ms <n>     length of a round (${PRICE_BENCH_DEFAULTS.roundMs})
  --keys <n>         pro-tier keys (${PRICE_BENCH_DEFAULTS.keys})
  --connections <n>  of the load generator (${PRICE_BENCH_DEFAULTS.connections})
  --depth <n>        requests in flight per connection (${PRICE_BENCH_DEFAULTS.depth})
  --real-time        at half load the server goes before all other processes (Linux, root): for a machine that others
                     use too
  --profile <dir>    writes processor profiles of the price service there
limiter   decisions per second of one process, for a leased key
operator  a cold start over many PriceFeeds, and rest after it, on the cluster that KUBECONFIG names
  --feeds <n>        PriceFeeds, of no replicas (${OPERATOR_BENCH_DEFAULTS.feeds})
  --rest-ms <n>      how long it is watched at rest (${OPERATOR_BENCH_DEFAULTS.restMs})
ticks     price frames decoded by one core, against the parser of ccxt, which is fetched from npm at the first run
  --rounds <n>       (${TICKS_BENCH_DEFAULTS.rounds})
  --frames <n>       of each venue (${TICKS_BENCH_DEFAULTS.frames})
latency   from frames of six simulated venues to the memory of price servers, one feed
  --assets <n>       of the feed (${LATENCY_BENCH_DEFAULTS.assets})
  --ticks <n>        a second, of all venues together (${LATENCY_BENCH_DEFAULTS.ticksPerSecond})
  --measure-ms <n>   how long is measured (${LATENCY_BENCH_DEFAULTS.measureMs})
  --pods <n>         price servers (${LATENCY_BENCH_DEFAULTS.pods})
udp       prices over UDP against prices over HTTP, by one price service on one core
  --rounds <n>       of each way (${UDP_BENCH_DEFAULTS.rounds})
  --round-ms <n>     length of a round (${UDP_BENCH_DEFAULTS.roundMs})
  --profile <dir>    writes processor profiles of the price service there`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    'round-ms': { type: 'string' },
    keys: { type: 'string' },
    connections: { type: 'string' },
    depth: { type: 'string' },
    'real-time': { type: 'boolean' },
    profile: { type: 'string' },
    feeds: { type: 'string' },
    'rest-ms': { type: 'string' },
    assets: { type: 'string' },
    ticks: { type: 'string' },
    'measure-ms': { type: 'string' },
    pods: { type: 'string' },
    frames: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});

if (values.help === true) {
  console.log(USAGE);
  process.exit(0);
}

const numberOf = (text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`${text} is no whole number above 0\n\n${USAGE}`);
  process.exit(2);
};

switch (positionals[0]) {
  case 'price': {
    const defaults = PRICE_BENCH_DEFAULTS;
    const result = await benchPrice({
      rounds: numberOf(values.rounds, defaults.rounds),
      roundMs: numberOf(values['round-ms'], defaults.roundMs),
      keys: numberOf(values.keys, defaults.keys),
      connections: numberOf(values.connections, defaults.connections),
      depth: numberOf(values.depth, defaults.depth),
      isRealTime: values['real-time'] ?? false,
      ...(values.profile !== undefined && { profileFolder: values.profile }),
    });
    console.log(JSON.stringify(result));
    break;
  }
  case 'limiter':
    console.log(JSON.stringify(await benchLimiter()));
    break;
  case 'operator': {
    const { feeds, restMs } = OPERATOR_BENCH_DEFAULTS;
    const options = { feeds: numberOf(values.feeds, feeds), restMs: numberOf(values['rest-ms'], restMs) };
    console.log(JSON.stringify(await benchOperator(options)));
    break;
  }
  case 'latency': {
    const defaults = LATENCY_BENCH_DEFAULTS;
    const result = await benchLatency({
      assets: numberOf(values.assets, defaults.assets),
      ticksPerSecond: numberOf(values.ticks, defaults.ticksPerSecond),
      measureMs: numberOf(values['measure-ms'], defaults.measureMs),
      pods: numberOf(values.pods, defaults.pods),
    });
    console.log(JSON.stringify(result));
    break;
  }
  case 'ticks': {
    const { rounds, frames } = TICKS_BENCH_DEFAULTS;
    const options = { rounds: numberOf(values.rounds, rounds), frames: numberOf(values.frames, frames) };
    console.log(JSON.stringify(await benchTicks(options)));
    break;
  }
  case 'udp': {
    const result = await benchUdp({
      rounds: numberOf(values.rounds, UDP_BENCH_DEFAULTS.rounds),
      roundMs: numberOf(values['round-ms'], UDP_BENCH_DEFAULTS.roundMs),
      ...(values.profile !== undefined && { profileFolder: values.profile }),
    });
    console.log(JSON.stringify(result));
    break;
  }
  default:
    console.error(USAGE);
    process.exit(2);
}
