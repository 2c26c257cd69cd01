/** The parser of ccxt, which people would use instead: the real package, fetched when the benchmark is first run. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

/** It unpacks to 60 MB, which nobody who only wants Weir should have to wait for: so it is no dependency of the repository. */
const VERSION = '4.5.84';
const FOLDER = path.resolve(import.meta.dirname, '..', '..', '.weir', 'bench', `ccxt-${VERSION}`);

/** Its names of the venues. */
const NAMES: Readonly<Record<string, string>> = {
  coinbase: 'coinbaseexchange',
  kraken: 'kraken',
  gemini: 'gemini',
  gateio: 'gate',
  bybit: 'bybit',
  okx: 'okx',
};

/** As much of it as is used here. */
interface CcxtExchange {
  readonly tickers?: Readonly<Record<string, unknown>>;
  readonly trades?: Readonly<Record<string, unknown>>;
  client(url: string): { onMessage(message: { readonly data: string }): void };
}

export interface CcxtParser {
  /** Takes a frame as its socket would; what it says is kept by ccxt itself. */
  parse(frame: string): void;
  /** Markets that it has understood something of. */
  understood(): number;
}

/** Throws when the package cannot be fetched. */
export async function loadCcxt(): Promise<(venue: string) => CcxtParser> {
  const entry = path.join(FOLDER, 'node_modules', 'ccxt', 'js', 'ccxt.js');
  if (!existsSync(entry)) await install();
  // The package's own entry, of which only `pro` is used.
  const { default: ccxt } = (await import(pathToFileURL(entry).href)) as {
    readonly default: { readonly pro: Readonly<Record<string, new () => CcxtExchange>> };
  };
  return (venue) => {
    const Exchange = ccxt.pro[NAMES[venue] ?? ''];
    if (Exchange === undefined) throw new Error(`ccxt does not know ${venue}`);
    const exchange = new Exchange();
    // Bybit's parser looks at the path for the kind of market. Nothing is connected.
    const client = exchange.client(`wss://${venue}.invalid/v5/public/spot`);
    return {
      parse: (data) => client.onMessage({ data }),
      understood: () => Object.keys(exchange.tickers ?? {}).length + Object.keys(exchange.trades ?? {}).length,
    };
  };
}

async function install(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(path.join(FOLDER, 'package.json'), '{"private":true}');
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-save'];
  await promisify(execFile)('npm', ['install', ...options, `ccxt@${VERSION}`], { cwd: FOLDER });
}
