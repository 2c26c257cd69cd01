/** Real signals to a real process: what Kubernetes and a terminal do. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { waitFor } from '@weir/testing';
import { afterEach, describe, expect, it } from 'vitest';

interface Started {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown[]>;
  output(): string;
}

const started: Started[] = [];

async function start(behaviour: 'stops' | 'hangs' | 'misses'): Promise<Started> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'process.ts'), behaviour]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  const one = { child, exited: once(child, 'close'), output: () => output };
  started.push(one);
  await waitFor(() => output.includes('"ready"'), 20_000);
  return one;
}

afterEach(() => {
  for (const { child } of started.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
});

describe('a process that handles signals', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('drains on %s and leaves with 0', async (signal) => {
    const { child, exited, output } = await start('stops');
    child.kill(signal);
    expect(await exited).toEqual([0, null]);
    expect(output()).toContain('part stops');
    expect(output()).toContain('"stopped"');
  });

  it('leaves at once on a second signal, though a part hangs', async () => {
    const { child, exited, output } = await start('hangs');
    child.kill('SIGTERM');
    await waitFor(() => output().includes('part stops'));
    child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
  });

  it('leaves with 1 at the deadline when a part hangs', async () => {
    const { child, exited, output } = await start('misses');
    child.kill('SIGTERM');
    expect(await exited).toEqual([1, null]);
    expect(output()).toContain('stop deadline passed');
  });

  it('logs a rejection that nobody handled, drains and leaves with 1', async () => {
    const { child, exited, output } = await start('stops');
    child.kill('SIGUSR2');
    expect(await exited).toEqual([1, null]);
    expect(output()).toContain('nobody awaits this');
    expect(output()).toContain('part stops');
  });
});
