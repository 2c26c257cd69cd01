/** The command line of standalone mode: its options, their defaults and its help. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { WeirError } from '@weir/errors';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export interface StandaloneOptions {
  readonly venues: 'simulated' | 'live';
  /** Folder of the custom resources. */
  readonly resources: string;
  /** Folder for what is kept: Postgres, texts of keys. */
  readonly data: string;
  readonly host: string;
  readonly httpPort: number;
  /** 0: any free one. */
  readonly valkeyPort: number;
  /** 0: any free one. */
  readonly postgresPort: number;
  /** Of the simulated prices. */
  readonly seed: number;
  readonly logLevel: string;
}

const DEFAULT_HTTP_PORT = 8080;

export const HELP = `Weir in one process: embedded Valkey and Postgres, feeds, the price API.

Usage: npm start -- [options]

  --venues simulated|live  exchanges on this machine, or the real ones (default simulated)
  --resources <folder>     YAML files with PriceFeeds and ApiKeyPolicies (default crds/examples)
  --data <folder>          where Postgres and the texts of keys are kept (default .weir)
  --http-port <port>       port of the price API (default ${DEFAULT_HTTP_PORT}; 0 takes any free one)
  --host <address>         address the price API listens on (default 127.0.0.1)
  --valkey-port <port>     port of the embedded Valkey (default: any free one)
  --postgres-port <port>   port of the embedded Postgres (default: any free one)
  --seed <number>          of the simulated prices (default 1)
  --log-level <level>      of the JSON log on stderr: ${LOG_LEVELS.join(', ')} (default warn)
  --help                   this text
`;

const flags = {
  venues: { type: 'string', default: 'simulated' },
  resources: { type: 'string' },
  data: { type: 'string', default: '.weir' },
  'http-port': { type: 'string', default: String(DEFAULT_HTTP_PORT) },
  host: { type: 'string', default: '127.0.0.1' },
  'valkey-port': { type: 'string', default: '0' },
  'postgres-port': { type: 'string', default: '0' },
  seed: { type: 'string', default: '1' },
  'log-level': { type: 'string', default: 'warn' },
  help: { type: 'boolean', default: false },
} as const;

/** `undefined` asks for the help. Throws CONFIG_INVALID with every fault. */
export function parseOptions(argv: readonly string[], defaultResources: string): StandaloneOptions | undefined {
  const values = parseFlags(argv);
  if (values.help) return undefined;
  const faults: string[] = [];
  const port = (name: 'http-port' | 'valkey-port' | 'postgres-port'): number => {
    const value = values[name];
    if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535)
      faults.push(`--${name} is "${value}", and must be 0 to 65535`);
    return Number(value);
  };
  const { venues, seed } = values;
  if (venues !== 'simulated' && venues !== 'live')
    faults.push(`--venues is "${venues}", and must be simulated or live`);
  if (!/^\d{1,9}$/.test(seed)) faults.push(`--seed is "${seed}", and must be a whole number`);
  const level = values['log-level'];
  if (!LOG_LEVELS.includes(level))
    faults.push(`--log-level is "${level}", and must be one of ${LOG_LEVELS.join(', ')}`);
  const options: StandaloneOptions = {
    venues: venues === 'live' ? 'live' : 'simulated',
    resources: path.resolve(values.resources ?? defaultResources),
    data: path.resolve(values.data),
    host: values.host,
    httpPort: port('http-port'),
    valkeyPort: port('valkey-port'),
    postgresPort: port('postgres-port'),
    seed: Number(seed),
    logLevel: level,
  };
  if (faults.length > 0) throw invalid(faults);
  return options;
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, strict: true }).values;
  } catch (err) {
    const [sentence = ''] = (err instanceof Error ? err.message : String(err)).split('. ');
    // npm takes what stands before a lone -- for itself, and hands on the rest of it bare.
    const hint = sentence.startsWith('Unexpected argument')
      ? ['Options follow a lone --: npm start -- --http-port 8081']
      : [];
    throw invalid([sentence, ...hint]);
  }
}

function invalid(faults: readonly string[]): WeirError {
  return new WeirError('CONFIG_INVALID', { detail: `${faults.join('\n')}\nnpm start -- --help shows all options.` });
}
