import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

/** Node may start slowly on a busy machine. */
const LONG_MS = 60_000;
const main = path.resolve(import.meta.dirname, '../main.ts');

function refusal(...args: string[]): { status: number | null; stderr: string } {
  // Options that were taken would run servers until the end of time.
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: LONG_MS });
  return { status, stderr };
}

it('says all that is wrong with its options at once', { timeout: LONG_MS }, () => {
  const args = ['--coinbase', 'abc', '--kraken', '70000', '--ticks-per-second', 'x', '--seed', '-', '--pairs', 'BTC,b'];
  expect(refusal(...args)).toEqual({
    status: 2,
    stderr: `--pairs: "b" is not a pair such as BTC or BTC-EUR
--coinbase is "abc", and must be a whole number from 0 to 65535
--kraken is "70000", and must be a whole number from 0 to 65535
--seed is "-", and must be a whole number from 0 to 999999999
--ticks-per-second is "x", and must be a whole number from 0 to 1000000
`,
  });
});

it('refuses an option that it does not know in one line', { timeout: LONG_MS }, () => {
  const { status, stderr } = refusal('--coinbse', '1');
  expect(stderr).toMatch(/^Unknown option '--coinbse'.*\n$/);
  expect(status).toBe(2);
});
