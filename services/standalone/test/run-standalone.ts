/** Runs standalone mode as a person does, as a process of its own, and knows every process that it has started. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@weir/testing';

const repository = path.resolve(import.meta.dirname, '../../..');
const main = path.join(repository, 'services/standalone/src/main.ts');
/** The machine may be busy with other tests. */
const START_TIMEOUT_MS = 120_000;

export interface Run {
  readonly pid: number;
  /** Of both streams, so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  /** Every living process below it. */
  descendants(): number[];
  /** Those that it has started itself. */
  children(): number[];
  /** The printed line to paste, once it is there. */
  curlLine(): Promise<string>;
  /** To the process, or to its whole group as a terminal does. */
  signal(signal: NodeJS.Signals, to?: 'process' | 'group'): void;
}

const running = new Set<ChildProcess>();
const folders = new Set<string>();

export interface RunOptions {
  readonly under?: 'node' | 'npm';
  readonly env?: NodeJS.ProcessEnv;
}

export function run(args: readonly string[], { under = 'node', env }: RunOptions = {}): Run {
  const [command, prefix] = under === 'npm' ? ['npm', ['start', '--']] : [process.execPath, [main]];
  const child = spawn(command, [...prefix, ...args], {
    cwd: repository,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(env !== undefined && { env }),
  });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const { pid } = child;
  if (pid === undefined) throw new Error('the process could not be started');
  return {
    pid,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended: new Promise((resolve) => {
      child.once('close', (code, signal) => {
        running.delete(child);
        resolve(code ?? signal);
      });
    }),
    descendants: () => descendantsOf(pid, readProcesses()),
    children: () => readProcesses().flatMap(([id, parent]) => (parent === pid ? [id] : [])),
    curlLine: () =>
      waitFor(() => {
        if (!running.has(child)) throw new Error(`it ended: ${output.stdout}${output.stderr}`);
        return /^curl .*$/m.exec(output.stdout)?.[0];
      }, START_TIMEOUT_MS),
    signal: (signal, to = 'process') => process.kill(to === 'group' ? -pid : pid, signal),
  };
}

/** A folder of this run's own, in which a process of another user may go down. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-standalone-'));
  chmodSync(folder, 0o755);
  folders.add(folder);
  return folder;
}

/** Whatever a failed test has left. */
export function cleanUp(): void {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/** Ids of processes, each with its parent's. */
function readProcesses(): [number, number][] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return rows.map((row) => {
    const [pid = 0, parent = 0] = row.trim().split(/\s+/).map(Number);
    return [pid, parent];
  });
}

function descendantsOf(root: number, processes: readonly [number, number][]): number[] {
  const children = processes.flatMap(([pid, parent]) => (parent === root ? [pid] : []));
  return children.flatMap((pid) => [pid, ...descendantsOf(pid, processes)]);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
