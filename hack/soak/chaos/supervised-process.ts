/** A process that is started again when it ends, as a kubelet would, until it is stopped. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { sleep, systemClock } from '@weir/clock';

export interface SupervisedProcess {
  readonly name: string;
  /** Of its HTTP server; `undefined` while it is not up. */
  readonly url: string | undefined;
  readonly starts: number;
  /** What the process printed last, for whoever looks for the cause of something. */
  output(): string;
  /** Resolves when it is dead; rejects when there is none to kill. */
  kill(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

const RESTART_MS = 1_000;
const OUTPUT_KEPT = 20_000;

export function superviseProcess(
  name: string,
  main: string,
  environment: Readonly<Record<string, string>>,
): SupervisedProcess {
  let child: ChildProcess | undefined;
  let url: string | undefined;
  let starts = 0;
  let output = '';
  const stopping = new AbortController();

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      starts += 1;
      const env = { PATH: process.env['PATH'], ...environment, WEIR_NODE_NAME: name };
      child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      const keep = (text: string): void => void (output = (output + text).slice(-OUTPUT_KEPT));
      child.stderr?.on('data', (data: Buffer) => keep(data.toString()));
      if (child.stdout !== null) {
        createInterface({ input: child.stdout }).on('line', (line) => {
          keep(`${line}\n`);
          url = urlIn(line) ?? url;
        });
      }
      await once(child, 'exit');
      url = undefined;
      await sleep(systemClock, RESTART_MS);
    }
  };
  const running = run();

  return {
    name,
    get url() {
      return url;
    },
    get starts() {
      return starts;
    },
    output: () => output,
    async kill(signal) {
      if (child === undefined || url === undefined) throw new Error(`${name} does not run`);
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    },
    async stop() {
      stopping.abort();
      child?.kill('SIGTERM');
      await running;
    },
  };
}

function urlIn(line: string): string | undefined {
  try {
    const { msg, url } = JSON.parse(line) as { msg?: unknown; url?: unknown };
    return msg === 'listening' && typeof url === 'string' ? url : undefined;
  } catch {
    return undefined;
  }
}
