/** Starts a server as a process on a core of its own, and reads how busy it was. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { sleep, systemClock } from '@weir/clock';

export interface ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Seconds of processor time so far, all threads; `undefined` where the system does not tell. */
  cpuSeconds(): number | undefined;
  stop(): Promise<void>;
}

export const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** All threads of a running process, onto one core. */
export function pin(pid: number, core: number): void {
  if (canPin) spawnSync('taskset', ['-a', '-p', '-c', String(core), String(pid)]);
}

export interface ServerProgram {
  readonly name: string;
  readonly file: string;
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly port: number;
  readonly core: number;
  readonly nodeArguments?: readonly string[];
}

const START_TIMEOUT_MS = 30_000;

/** Resolves once `path` answers with 200. What the server prints is shown only if it dies. */
export async function startServer(program: ServerProgram, path: string): Promise<ServerProcess> {
  const { name, port, core } = program;
  const run = [process.execPath, ...(program.nodeArguments ?? []), program.file, ...(program.arguments ?? [])];
  const [command = '', ...rest] = canPin ? ['taskset', '-c', String(core), ...run] : run;
  const child = spawn(command, rest, {
    env: { ...process.env, ...program.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (text: Buffer): void => void (output = (output + text.toString()).slice(-4_000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} cannot be started`);
  const endMs = systemClock.monotonicMs() + START_TIMEOUT_MS;
  while (!(await answers(port, path))) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${output}`);
    if (systemClock.monotonicMs() > endMs) {
      child.kill('SIGKILL');
      throw new Error(`${name} does not answer ${path}:\n${output}`);
    }
    await sleep(systemClock, 50);
  }
  return { name, port, pid, cpuSeconds: () => readCpuSeconds(pid), stop: () => stop(child) };
}

async function answers(port: number, path: string): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** Clock ticks of Linux user space: 100 a second on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

function readCpuSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold blanks; user and system time are fields 14 and 15 of the line.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}
