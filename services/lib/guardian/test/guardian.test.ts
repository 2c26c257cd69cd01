import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';

import { waitFor } from '@weir/testing';
import { expect, test } from 'vitest';

const STARTER = resolve(import.meta.dirname, 'start-valkey.ts');

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const nextLine = async (output: Readable): Promise<string> => String((await once(output, 'data'))[0]).trim();

/** A process, in a group of its own, that has started an embedded Valkey and now waits. */
async function startParent() {
  const parent = spawn(process.execPath, [STARTER], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const line = await nextLine(parent.stdout);
  if (parent.pid === undefined) throw new Error('the parent did not start');
  return { parent, group: -parent.pid, serverPid: Number(line) };
}

test('the server ends when its parent is killed outright', async () => {
  const { parent, serverPid } = await startParent();
  expect(isAlive(serverPid)).toBe(true);
  parent.kill('SIGKILL');
  expect(await waitFor(() => !isAlive(serverPid))).toBe(true);
});

test('Ctrl-C at the terminal of the parent does not reach the server', async () => {
  const { parent, group, serverPid } = await startParent();
  process.kill(group, 'SIGINT');
  expect(await nextLine(parent.stdout)).toBe('+PONG after SIGINT');
  parent.kill('SIGTERM');
  expect(await waitFor(() => !isAlive(serverPid))).toBe(true);
});

test('a process that has nothing else to do ends although its server runs, and the server with it', async () => {
  const parent = spawn(process.execPath, [STARTER, 'return'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(parent, 'exit');
  const line = await nextLine(parent.stdout);
  await exited;
  expect(await waitFor(() => !isAlive(Number(line)))).toBe(true);
});
