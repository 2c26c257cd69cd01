/** Runs a program and answers what it printed; a failure is an error that holds the command and what the program said. */
import { spawn } from 'node:child_process';

export interface CommandOptions {
  /** Written to the program's standard input. */
  readonly input?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** After it the program is killed. */
  readonly timeoutMs?: number;
  /** Lets what the program prints through to the terminal as well. */
  readonly isShown?: boolean;
}

export interface CommandResult {
  /** `null`: killed by a signal. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that has ended badly, or could not be started. */
class CommandError extends Error {
  readonly result: CommandResult;

  constructor(command: string, result: CommandResult) {
    const said = result.stderr.trim() === '' ? result.stdout.trim() : result.stderr.trim();
    super(`${command} ended with ${result.status === null ? 'a signal' : `status ${result.status}`}\n${said}`);
    this.name = 'CommandError';
    this.result = result;
  }
}

/** Whatever the status; rejects only when the program cannot be started. */
export function tryCommand(
  program: string,
  args: readonly string[],
  { input, env, cwd, timeoutMs, isShown = false }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(cwd !== undefined && { cwd }),
      ...(timeoutMs !== undefined && { timeout: timeoutMs, killSignal: 'SIGKILL' as const }),
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout.push(chunk);
      if (isShown) process.stdout.write(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr.push(chunk);
      if (isShown) process.stderr.write(chunk);
    });
    child.on('error', reject);
    child.on('close', (status) => {
      const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('utf8');
      resolve({ status, stdout: text(stdout), stderr: text(stderr) });
    });
    // A program that ends without reading its input has its own way of saying what is wrong.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}

/** What the program printed to standard output. Throws CommandError unless it ended with 0. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await tryCommand(program, args, options);
  if (result.status !== 0) throw new CommandError([program, ...args].join(' '), result);
  return result.stdout;
}
