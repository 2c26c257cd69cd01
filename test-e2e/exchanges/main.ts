/** Runs the simulated venues alone: `node test-e2e/exchanges/main.ts --coinbase 9001 --kraken 9002 --pairs BTC,ETH,BTC-EUR`. */
import { parseArgs } from 'node:util';
import { parsePair } from '@weir/wire';
import { startControlServer } from './control-server.ts';
import { startHealthServer } from './health-server.ts';
import { demoPair, startExchanges, venueIds, type ExchangesOptions } from './index.ts';

const CONTROL_PORT = 'WEIR_EXCHANGES_CONTROL_PORT';
const PORT_MAX = 65_535;

const flags = {
  host: { type: 'string', default: '127.0.0.1' },
  health: { type: 'string' },
  pairs: { type: 'string', default: 'BTC,ETH,SOL' },
  seed: { type: 'string', default: '1' },
  'ticks-per-second': { type: 'string', default: '20' },
  ...Object.fromEntries(venueIds.map((id) => [id, { type: 'string', default: '0' } as const])),
} as const;

interface Options extends ExchangesOptions {
  readonly host: string;
  /** Absent: no control interface. */
  readonly controlPort: number | undefined;
  /** Absent: nobody is told how the process is. */
  readonly healthPort: number | undefined;
}

/** Throws RangeError with every fault, one per line; parseArgs throws TypeError. */
function readOptions(args: readonly string[], controlPort: string | undefined): Options {
  const { values } = parseArgs({ args: [...args], options: flags });
  const faults: string[] = [];
  const whole = (name: string, text: string | undefined, max: number): number => {
    if (text === undefined || !/^\d{1,9}$/.test(text) || Number(text) > max)
      faults.push(`${name} is "${text}", and must be a whole number from 0 to ${max}`);
    return Number(text);
  };
  const pairs = values.pairs.split(',').flatMap((text) => {
    const pair = parsePair(text);
    if (pair === undefined) faults.push(`--pairs: "${text}" is not a pair such as BTC or BTC-EUR`);
    return pair === undefined ? [] : [demoPair(pair.asset, pair.quote)];
  });
  // Flags of venues are made from their names, which the types of parseArgs cannot follow.
  const given: Readonly<Record<string, string | undefined>> = values;
  const options: Options = {
    venues: venueIds,
    host: values.host,
    ports: Object.fromEntries(venueIds.map((id) => [id, whole(`--${id}`, given[id], PORT_MAX)])),
    pairs,
    seed: whole('--seed', values.seed, 999_999_999),
    ticksPerSecond: whole('--ticks-per-second', values['ticks-per-second'], 1_000_000),
    healthPort: values.health === undefined ? undefined : whole('--health', values.health, PORT_MAX),
    controlPort: controlPort === undefined ? undefined : whole(CONTROL_PORT, controlPort, PORT_MAX),
  };
  if (faults.length > 0) throw new RangeError(faults.join('\n'));
  return options;
}

function readOptionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2), process.env[CONTROL_PORT] === '' ? undefined : process.env[CONTROL_PORT]);
  } catch (err) {
    console.error(err instanceof Error ? err.message : String(err));
    process.exit(2);
  }
}

const options = readOptionsOrExit();
const exchanges = await startExchanges(options);
for (const [id, { ws, rest }] of Object.entries(exchanges.addresses)) console.log(`${id} ${ws} ${rest}`);
const { host, controlPort, healthPort } = options;
const control =
  controlPort === undefined ? undefined : await startControlServer({ exchanges, host, port: controlPort });
if (control !== undefined) console.log(`control http://${host}:${control.port}/control`);
const health = healthPort === undefined ? undefined : await startHealthServer(host, healthPort);
if (health !== undefined) console.log(`health http://${host}:${health.port}/livez`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void Promise.all([exchanges.stop(), control?.stop(), health?.stop()]));
}
