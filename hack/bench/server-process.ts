/** Starts a server as a process on a core of its own, and reads how busy it was. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { sleep, systemClock } from '@weir/clock';
import type { ProbeOrder, ProbeReport } from './latency-probe.ts';

export interface ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Seconds of processor time so far, all threads; `undefined` where the system does not tell. */
  cpuSeconds(): number | undefined;
  /** Whether its threads go before all other processes of the machine; throws where that is not allowed. */
  goFirst(isFirst: boolean): void;
  /** From now on the server measures how long it takes for stamped requests. */
  startProbe(): void;
  /** What it has measured since then. */
  stopProbe(): Promise<ProbeReport>;
  stop(): Promise<void>;
}

export const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** All threads of a running process, onto one core. */
export function pin(pid: number, core: number): void {
  if (canPin) spawnSync('taskset', ['-a', '-p', '-c', String(core), String(pid)]);
}

function schedule(pid: number, isRealTime: boolean): void {
  const policy = isRealTime ? ['--rr', '--pid', '1'] : ['--other', '--pid', '0'];
  const { status, stderr } = spawnSync('chrt', ['--all-tasks', ...policy, String(pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`real-time priority needs Linux, chrt and the right to set it: ${stderr}`);
}

export interface ServerProgram {
  readonly name: string;
  readonly file: string;
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly port: number;
  /** any: wherever the system puts it. */
  readonly core: number | 'any';
  readonly nodeArguments?: readonly string[];
}

const START_TIMEOUT_MS = 30_000;
const PROBE = pathToFileURL(path.join(import.meta.dirname, 'latency-probe.ts')).href;

/** Resolves once `readyPath` answers with 200. What the server prints is shown only if it dies. */
export async function startServer(program: ServerProgram, readyPath: string): Promise<ServerProcess> {
  const { name, port, core } = program;
  const nodeArguments = ['--import', PROBE, ...(program.nodeArguments ?? [])];
  const run = [process.execPath, ...nodeArguments, program.file, ...(program.arguments ?? [])];
  const [command = '', ...rest] = canPin && core !== 'any' ? ['taskset', '-c', String(core), ...run] : run;
  const child = spawn(command, rest, {
    env: { ...process.env, ...program.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  const keep = (text: Buffer): void => void (output = (output + text.toString()).slice(-4_000));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} cannot be started`);
  const endMs = systemClock.monotonicMs() + START_TIMEOUT_MS;
  while (!(await answers(port, readyPath))) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${output}`);
    if (systemClock.monotonicMs() > endMs) {
      child.kill('SIGKILL');
      throw new Error(`${name} does not answer ${readyPath}:\n${output}`);
    }
    await sleep(systemClock, 50);
  }
  const order = (probeOrder: ProbeOrder): void => void child.send(probeOrder);
  return {
    name,
    port,
    pid,
    cpuSeconds: () => readCpuSeconds(pid),
    goFirst: (isFirst) => schedule(pid, isFirst),
    startProbe: () => order('start'),
    async stopProbe() {
      order('stop');
      const [report] = await once(child, 'message');
      // It sends nothing else.
      return report as ProbeReport;
    },
    stop: () => stop(child),
  };
}

async function answers(port: number, readyPath: string): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${readyPath}`);
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
