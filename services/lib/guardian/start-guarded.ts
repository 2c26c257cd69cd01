/** The parent's side: forks the guardian, waits for its server, and stops both. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { sleep, type Clock } from '@weir/clock';
import { WeirError } from '@weir/errors';

import { readGuardianMessage, type ParentMessage } from './messages.ts';

export interface StartGuardedOptions<Ready> {
  /** Path of the module that calls `serveAsGuardian`. */
  readonly entry: string;
  /** What the server's `start` gets; it travels by IPC, so secrets in it are in no argument list. */
  readonly request: unknown;
  readonly clock: Clock;
  readonly startDeadlineMs: number;
  readonly stopDeadlineMs: number;
  /** Reads what `start` resolved with. */
  readonly readReady: (value: unknown) => Ready;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Guarded<Ready> {
  readonly ready: Ready;
  /** Stops the server, then its guardian; resolves when both are gone. */
  readonly stop: () => Promise<void>;
}

const OUTPUT_CHARS_MAX = 4_000;

/** What a guardian that dies before it can speak has said on stderr. */
function collectOutput(child: ChildProcess): () => string {
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-OUTPUT_CHARS_MAX);
  });
  return () => output.trim();
}

function firstMessage<Ready>(child: ChildProcess, options: StartGuardedOptions<Ready>): Promise<Ready> {
  const { promise, resolve, reject } = Promise.withResolvers<Ready>();
  const output = collectOutput(child);
  const timer = options.clock.setTimeout(() => {
    reject(new WeirError('INTERNAL', { detail: `server not ready after ${options.startDeadlineMs} ms` }));
  }, options.startDeadlineMs);
  child.once('error', reject);
  child.once('exit', (code, signal) => {
    reject(new WeirError('INTERNAL', { detail: `guardian ended (${signal ?? `exit ${code}`}): ${output()}` }));
  });
  child.once('message', (value) => {
    const message = readGuardianMessage(value);
    if (message?.kind === 'failed') reject(new WeirError(message.code, { detail: message.detail }));
    if (message?.kind === 'ready') resolve(options.readReady(message.ready));
  });
  return promise.finally(() => timer.cancel());
}

/** False too for a child that could not be forked at all. */
function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function stopGuardian(child: ChildProcess, clock: Clock, deadlineMs: number): Promise<void> {
  if (!isRunning(child)) return;
  const exited = once(child, 'exit');
  child.ref();
  if (child.connected) child.send({ kind: 'stop' } satisfies ParentMessage, () => {});
  else child.kill('SIGTERM');
  const late = new AbortController();
  const deadline = sleep(clock, deadlineMs, late.signal).then(
    () => child.kill('SIGKILL'),
    () => {},
  );
  await exited;
  late.abort();
  await deadline;
}

/** Resolves when the server is ready; rejects with the WeirError that its `start` threw, leaving nothing behind. */
export async function startGuarded<Ready>(options: StartGuardedOptions<Ready>): Promise<Guarded<Ready>> {
  const child = fork(options.entry, [], {
    // A process group of its own: signals of the terminal go to the group of this process alone.
    detached: true,
    // Flags of this process (a test runner's loaders) are not for the guardian.
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    ...(options.env !== undefined && { env: options.env }),
  });
  try {
    child.send({ kind: 'start', request: options.request } satisfies ParentMessage, () => {});
    const ready = await firstMessage(child, options);
    // The guardian must not keep this process alive: when it ends, the channel closes and the server with it.
    child.unref();
    child.channel?.unref();
    if (child.stderr !== null && 'unref' in child.stderr) (child.stderr as { unref(): void }).unref();
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopped ??= stopGuardian(child, options.clock, options.stopDeadlineMs));
    return { ready, stop };
  } catch (err) {
    await stopGuardian(child, options.clock, options.stopDeadlineMs);
    throw err;
  }
}
