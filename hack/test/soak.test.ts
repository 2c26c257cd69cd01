import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const LONG_MS = 60_000;
const program = path.resolve(import.meta.dirname, '../soak.ts');

function soak(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', timeout: LONG_MS });
}

test('a run prints one line of JSON, and ends well when nothing was found', { timeout: LONG_MS }, () => {
  const { status, stdout } = soak('fuzz', '--frames', '500', '--seed', '7');
  expect(JSON.parse(stdout)).toMatchObject({ soak: 'fuzz', ok: true, frames: 500, seed: 7, found: [] });
  expect(stdout.split('\n')).toHaveLength(2);
  expect(status).toBe(0);
});

// It reads what Linux says of a process.
test.skipIf(process.platform !== 'linux')('the simulated exchanges cost little', { timeout: LONG_MS }, () => {
  const { status, stdout } = soak('exchanges', '--assets', '300', '--ticks', '200', '--seconds', '3');
  expect(JSON.parse(stdout)).toMatchObject({ soak: 'exchanges', ok: true, connections_lost: [] });
  expect(status).toBe(0);
});

test.each([[[]], [['nope']], [['fuzz', '--frames', 'x']], [['fuzz', '--frmaes', '1']]])(
  '%j is refused, with all the runs there are',
  { timeout: LONG_MS },
  (args) => {
    const { status, stdout, stderr } = soak(...args);
    expect(stderr).toMatch(/Usage: .*fuzz[\s\S]*--frames <n>/);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  },
);
