/** Two processes, the governor's script on a real Valkey, and a venue whose REST interface fails for real. */
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '@weir/clock';
import { createGovernor, type Governor } from '@weir/governor';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl } from '@weir/valkey';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createVenueFetcher, type VenueFetcher } from '../index.ts';
import { BTC, callerOf, json, startScriptedRest } from './scripted-rest.ts';

let server: TestValkey;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startTestValkey();
});
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
  await server.stop();
});

async function startProcess(rest: { readonly url: string }): Promise<{ governor: Governor; fetcher: VenueFetcher }> {
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  // Not what is tested: a machine that is busy for so long.
  const deadlines = { bulkMs: 10_000 };
  const valkey = createValkey({ ...shared, target: parseValkeyUrl(server.url), clientName: 'test', deadlines });
  await valkey.ready();
  const governor = createGovernor({ ...shared, valkey });
  closing.push(async () => {
    await governor.close();
    await valkey.close();
  });
  return { governor, fetcher: createVenueFetcher(callerOf(rest, { governor }).upstream) };
}

test('a venue that fails is spared by all processes, without a swing, and served again when it is back', async () => {
  await using rest = await startScriptedRest(json(503, {}));
  const processes = [await startProcess(rest), await startProcess(rest)];
  let asked = 0;
  /** Five requests per second of each process. */
  const ask = async (): Promise<readonly string[]> => {
    asked += processes.length;
    const outcomes = await Promise.all(processes.map(({ fetcher }) => fetcher.one(BTC)));
    await pause(200);
    return outcomes.map((outcome) => (outcome.kind === 'ok' ? 'ok' : outcome.cause));
  };
  const shed = (): number => Math.min(...processes.map(({ governor }) => governor.views()[0]?.shedProbability ?? 0));
  await waitFor(async () => (await ask()).includes('shed') && shed() > 0.9, 60_000);
  const [sentBefore, askedBefore] = [rest.paths.length, asked];
  const seen: number[] = [];
  for (let turn = 0; turn < 40; turn += 1) {
    await ask();
    seen.push(shed());
  }
  expect(Math.min(...seen)).toBeGreaterThan(0.7);
  // A few of all that was asked for, and probes.
  expect(rest.paths.length - sentBefore).toBeLessThan((asked - askedBefore) / 2);
  expect(rest.paths.length - sentBefore).toBeGreaterThan(2);
  rest.handler = json(200, { 'BTC-USD': '64000.5' });
  const startMs = systemClock.monotonicMs();
  await waitFor(async () => {
    const outcomes = await ask();
    return shed() === 0 && outcomes.every((outcome) => outcome === 'ok');
  }, 60_000);
  // 10 to 13 s on a machine that has time.
  expect(systemClock.monotonicMs() - startMs).toBeLessThan(30_000);
}, 180_000);
