/** Governors of several processes over a real Valkey: one view, and what happens while it hangs. */
import { systemClock } from '@weir/clock';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createGovernor, readStoredScope, type Governor, type GovernorScope, type Outcome } from '../index.ts';

let server: TestValkey;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startTestValkey();
});
afterEach(async () => {
  server.resume();
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => server.stop());

async function startPod(bulkMs = 10_000): Promise<{ readonly valkey: Valkey; readonly governor: Governor }> {
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  const target = parseValkeyUrl(server.url);
  const valkey = createValkey({ ...shared, target, clientName: 'test', deadlines: { bulkMs } });
  closing.push(() => valkey.close());
  await valkey.ready();
  const governor = createGovernor({ ...shared, valkey });
  closing.push(() => governor.close());
  return { valkey, governor };
}

/** Asks for so many requests; those that are admitted end at once as said. Answers how many were. */
function send(governor: Governor, scope: GovernorScope, count: number, outcome: Outcome): number {
  let admitted = 0;
  for (let index = 0; index < count; index += 1) {
    const pass = governor.enter(scope);
    if (!pass.admitted) continue;
    admitted += 1;
    pass.end(outcome);
  }
  return admitted;
}

const viewOf = (governor: Governor, scope: GovernorScope) => governor.views().find((view) => view.scope === scope);

test('what fails in one process is shed in another, until it succeeds again', async () => {
  const scope = 'lpo:shared';
  const [a, b] = [await startPod(), await startPod()];
  send(a.governor, scope, 100, 'failure');
  await waitFor(() => {
    send(b.governor, scope, 1, 'failure');
    return (viewOf(b.governor, scope)?.shedProbability ?? 0) > 0.9;
  });
  expect(viewOf(b.governor, scope)?.basis).toBe('cluster');
  expect(send(b.governor, scope, 400, 'failure')).toBeLessThan(80);
  const stored = await waitFor(() => readStoredScope(b.valkey.bulk, scope, b.valkey.serverTimeMs()));
  // What nobody has used for half a minute is of no upstream of today.
  const laterMs = b.valkey.serverTimeMs() + 31_000;
  expect(await readStoredScope(b.valkey.bulk, scope, laterMs)).toBeUndefined();
  expect(stored).toMatchObject({ scope, successes: 0 });
  expect(stored.shedProbability).toBeGreaterThan(0.9);
  // It has returned: enough good answers outweigh the bad ones, and what is shed falls step by step.
  await waitFor(() => {
    send(a.governor, scope, 100, 'success');
    const shed = viewOf(b.governor, scope)?.shedProbability ?? 1;
    send(b.governor, scope, 1, 'success');
    return shed < 0.6;
  }, 20_000);
  expect(await b.valkey.bulk.call('GET', '{adaptive:lpo}:total')).not.toBeNull();
});

test('the keys of all venues together, and of each, are as documented for people', async () => {
  const { valkey, governor } = await startPod();
  const read = (command: string, ...args: string[]): Promise<unknown> => valkey.bulk.call(command, ...args);
  const keys = (scope: string): string[] =>
    ['successes', 'total', 'throttle', 'p', 'ring'].map((name) => `{adaptive:${scope}}:${name}`);
  for (const key of keys('lpo')) await read('DEL', key);
  send(governor, 'lpo:first', 20, 'success');
  send(governor, 'lpo:second', 10, 'throttled');
  send(governor, 'llm:elsewhere', 5, 'success');
  await waitFor(async () => (await read('GET', '{adaptive:lpo}:total')) === '30');
  for (const [scope, successes, total] of [
    ['lpo', '20', '30'],
    ['lpo:first', '20', '20'],
    ['lpo:second', '0', '10'],
    ['llm:elsewhere', '5', '5'],
  ] as const) {
    const [s, t, throttle, p] = (await read('MGET', ...keys(scope).slice(0, 4))) as string[];
    expect([scope, s, t]).toEqual([scope, successes, total]);
    expect(throttle).toMatch(/^(on|off)$/);
    expect(p).toMatch(/^0\.\d{4}$/);
    const types = await Promise.all(keys(scope).map((key) => read('TYPE', key)));
    expect(types).toEqual(['string', 'string', 'string', 'string', 'hash']);
    for (const key of keys(scope)) expect(Number(await read('TTL', key))).toBeGreaterThan(30);
  }
  expect(await read('HMGET', '{adaptive:lpo:second}:ring', 'n30', 's30', 'h30')).toEqual(['10', '0', '10']);
});

test('an unused upstream is not stored, and no process need know an upstream to read it', async () => {
  const { valkey, governor } = await startPod();
  expect(await readStoredScope(valkey.bulk, 'llm:unused', valkey.serverTimeMs())).toBeUndefined();
  expect(governor.views()).toEqual([]);
});

test('without Valkey each process goes on by its own counts, at once, and comes back to the one view', async () => {
  const scope = 'llm:alone';
  const { governor } = await startPod(500);
  const use = (outcome: Outcome): string | undefined => {
    send(governor, scope, 5, outcome);
    return viewOf(governor, scope)?.basis;
  };
  await waitFor(() => use('success') === 'cluster');
  server.hang();
  await waitFor(() => use('success') === 'local');
  await waitFor(() => {
    use('failure');
    return (viewOf(governor, scope)?.shedProbability ?? 0) > 0.3;
  }, 30_000);
  server.resume();
  await waitFor(() => use('success') === 'cluster');
});
