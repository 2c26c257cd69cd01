/** The process `feed` as it is shipped but for the bundle: its own main, environment and signals. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, '../src/main.ts');

export interface FeedProcess {
  /** Of its HTTP server. */
  readonly url: string;
  /** SIGSTOP: nothing of it runs, its connections stay open. */
  freeze(): void;
  thaw(): void;
  /** Resolves with the exit code, `null` when a signal ended it. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>;
}

export interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

function spawnMain(env: Readonly<Record<string, string>>, args: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'], ...env }, stdio: 'pipe' });
}

/** For starts that are meant to end by themselves. */
export async function runFeedToEnd(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<Outcome> {
  const child = spawnMain(env, args);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (output += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** Resolves when it listens. */
export async function startFeedProcess(options: { feed: string; node: string; valkey: string }): Promise<FeedProcess> {
  const child = spawnMain({
    WEIR_FEED: options.feed,
    WEIR_NODE_NAME: options.node,
    WEIR_VALKEY_URL: options.valkey,
    WEIR_HTTP_HOST: '127.0.0.1',
    WEIR_HTTP_PORT: '0',
  });
  const exited = once(child, 'exit');
  const { promise: listening, resolve, reject } = Promise.withResolvers<string>();
  let output = '';
  child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
  // Whoever does not read a pipe stops its writer.
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      output += `${line}\n`;
      const { msg, url } = JSON.parse(line) as { msg?: string; url?: string };
      if (msg === 'listening' && url !== undefined) resolve(url);
    });
  }
  void exited.then(() => reject(new Error(`feed has ended:\n${output}`)));
  const url = await listening;
  return {
    url,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill(signal) {
      child.kill(signal);
      const [code] = (await exited) as [number | null];
      return code;
    },
  };
}
