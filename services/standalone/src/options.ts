/** The command line of standalone mode: its options, their defaults and its help. */
import { isIP } from 'node:net';
import path from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
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
  readonly udpPort: number;
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
  --udp-port <port>        port for prices over UDP (default: any free one)
  --host <address>         address the price API and UDP listen on (default 127.0.0.1)
  --valkey-port <port>     port of the embedded Valkey (default: any free one)
  --postgres-port <port>   port of the embedded Postgres (default: any free one)
  --seed <number>          of the simulated prices (default 1)
  --log-level <level>      of the JSON log on stderr: ${LOG_LEVELS.join(', ')} (default warn)
  --help                   this text
`;

const DEFAULTS = {
  venues: 'simulated',
  resources: '',
  data: '.weir',
  'http-port': String(DEFAULT_HTTP_PORT),
  'udp-port': '0',
  host: '127.0.0.1',
  'valkey-port': '0',
  'postgres-port': '0',
  seed: '1',
  'log-level': 'warn',
};

type Flags = typeof DEFAULTS;

const names = Object.keys(DEFAULTS);
const flags: NonNullable<ParseArgsConfig['options']> = {
  ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
  help: { type: 'boolean', short: 'h' },
};

/** `undefined` asks for the help. Throws CONFIG_INVALID with every fault. */
export function parseOptions(argv: readonly string[], defaultResources: string): StandaloneOptions | undefined {
  const { values, faults, isHelp } = parseFlags(argv);
  if (isHelp) return undefined;
  const port = (name: 'http-port' | 'udp-port' | 'valkey-port' | 'postgres-port'): number => {
    const value = values[name];
    if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535)
      faults.push(`--${name} is "${value}", and must be 0 to 65535`);
    return Number(value);
  };
  const { venues, seed, resources } = values;
  const host = values.host === 'localhost' ? '127.0.0.1' : values.host;
  if (isIP(host) === 0) faults.push(`--host is "${host}", and must be an address of this machine such as 127.0.0.1`);
  if (venues !== 'simulated' && venues !== 'live')
    faults.push(`--venues is "${venues}", and must be simulated or live`);
  if (!/^\d{1,9}$/.test(seed)) faults.push(`--seed is "${seed}", and must be a whole number`);
  const level = values['log-level'];
  if (!LOG_LEVELS.includes(level))
    faults.push(`--log-level is "${level}", and must be one of ${LOG_LEVELS.join(', ')}`);
  const options: StandaloneOptions = {
    venues: venues === 'live' ? 'live' : 'simulated',
    resources: path.resolve(resources === '' ? defaultResources : resources),
    data: path.resolve(values.data),
    host,
    httpPort: port('http-port'),
    udpPort: port('udp-port'),
    valkeyPort: port('valkey-port'),
    postgresPort: port('postgres-port'),
    seed: Number(seed),
    logLevel: level,
  };
  faults.push(...portsGivenTwice(options));
  if (faults.length > 0) throw invalid(faults);
  return options;
}

/** UDP has ports of its own. */
function portsGivenTwice({ httpPort, valkeyPort, postgresPort }: StandaloneOptions): readonly string[] {
  const ports = Object.entries({
    '--http-port': httpPort,
    '--valkey-port': valkeyPort,
    '--postgres-port': postgresPort,
  });
  return ports.flatMap(([option, port], index) => {
    const [earlier] = ports.slice(0, index).find(([, other]) => other === port && port !== 0) ?? [];
    return earlier === undefined ? [] : [`${option} is ${port}, which ${earlier} has already`];
  });
}

interface ParsedFlags {
  readonly values: Flags;
  /** Of the form of the command line. */
  readonly faults: string[];
  readonly isHelp: boolean;
}

/** Not strict, since that stops at the first fault. */
function parseFlags(argv: readonly string[]): ParsedFlags {
  const { args, valueless } = takeOutValueless(argv);
  const { values, tokens } = parseArgs({ args, options: flags, strict: false, allowPositionals: true, tokens: true });
  const faults = valueless.map((name) => `${name} needs a value`);
  let unknownAt = -2;
  let hasStray = false;
  for (const token of tokens) {
    if (token.kind === 'option' && flags[token.name] === undefined) {
      faults.push(`Unknown option '${token.rawName}'`);
      if (token.value === undefined) unknownAt = token.index;
    } else if (token.kind === 'option' && token.name === 'help' && token.value !== undefined) {
      faults.push('--help takes no value');
    } else if (token.kind === 'positional' && token.index !== unknownAt + 1) {
      // What follows an unknown option is its value.
      faults.push(`Unexpected argument '${token.value}'`);
      hasStray = true;
    }
  }
  // npm takes what stands before a lone -- for itself, and hands on the rest of it bare.
  if (hasStray) faults.push('Options follow a lone --: npm start -- --http-port 8081');
  const given = Object.entries(values).filter(([name, value]) => names.includes(name) && typeof value === 'string');
  return { values: { ...DEFAULTS, ...Object.fromEntries(given) }, faults, isHelp: values['help'] === true };
}

/** An option whose value was forgotten would swallow the option behind it. */
function takeOutValueless(argv: readonly string[]): { args: string[]; valueless: string[] } {
  const isValueless = (text: string, index: number): boolean =>
    text.startsWith('--') && names.includes(text.slice(2)) && (argv[index + 1] ?? '-').startsWith('-');
  return {
    args: argv.filter((text, index) => !isValueless(text, index)),
    valueless: argv.filter(isValueless),
  };
}

function invalid(faults: readonly string[]): WeirError {
  return new WeirError('CONFIG_INVALID', { detail: `${faults.join('\n')}\nnpm start -- --help shows all options.` });
}
