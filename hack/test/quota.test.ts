/** The command that shows and resets quotas of upstreams, on a real Valkey. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@weir/clock';
import { createProviderQuotas, type ProviderQuotas } from '@weir/limiter';
import { createTestTelemetry, silentLogger, startTestValkey, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { afterAll, beforeAll, expect, it } from 'vitest';

const file = path.resolve(import.meta.dirname, '../quota.ts');
const run = promisify(execFile);

let server: TestValkey;
let valkey: Valkey;
let quotas: ProviderQuotas;

beforeAll(async () => {
  server = await startTestValkey();
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  const deadlines = { decideMs: 20_000 };
  valkey = createValkey({ ...shared, target: parseValkeyUrl(server.url), clientName: 'test', deadlines });
  await valkey.ready();
  quotas = createProviderQuotas({ ...shared, valkey, livePods: () => 1 });
});
afterAll(async () => {
  await quotas.close();
  await valkey.close();
  await server.stop();
});

const quota = async (...args: string[]): Promise<string> =>
  (await run(process.execPath, [file, ...args, '--valkey-url', server.url])).stdout;

it('shows what is left and a block, and makes both undone', async () => {
  expect(await quota('show', 'kraken')).toContain('its quota is whole');
  quotas.configure('kraken', { points: 100, durationMs: 3_600_000, window: 'Smooth' });
  await quotas.tryConsume('kraken', 'global', 4);
  await quotas.block('kraken', 600_000);
  const shown = await quota('show', 'kraken');
  expect(shown).toContain('kraken: 100 points in 3600 s, Smooth');
  expect(shown).toMatch(/left at the last write\s+6\n/);
  expect(shown).toMatch(/blocked for\s+5\d\d\.\d s/);
  expect(await quota('reset', 'kraken')).toBe('kraken: the quota is whole\n');
  expect(await quota('reset', 'kraken')).toBe('kraken: there was nothing to reset\n');
  await quotas.tryConsume('okx', 'global', 1);
  expect(await quota('show', 'okx')).toMatch(/\n {2}not blocked\n/);
  expect(await quota('show', 'krakn')).toContain('krakn is none of the exchanges coinbase, kraken');
  expect(await quota('show', 'kraken')).toContain('its quota is whole');
});

it.each([[['drop', 'kraken']], [['show']], [['show', 'KRAKEN *']]])('says how it is used for %j', async (args) => {
  await expect(quota(...args)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('show|reset') });
});

it('tells how it is used when asked', async () => {
  expect(await quota('--help')).toContain('Usage: npm run --silent quota');
});

it('says that Valkey does not answer', async () => {
  const args = [file, 'show', 'kraken', '--valkey-url', 'redis://127.0.0.1:1'];
  await expect(run(process.execPath, args)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Valkey'),
  });
});
