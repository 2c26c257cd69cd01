/** Who waits for whom on the way to one host: a real governor, and a real HTTP server that answers when it is told to. */
import { systemClock } from '@weir/clock';
import { createGovernor, type Governor } from '@weir/governor';
import { createTestTelemetry, silentLogger, waitFor } from '@weir/testing';
import { expect, test } from 'vitest';
import { createHostLanes, createVenueFetcher } from '../index.ts';
import { BTC, callerOf, ETH, json, startScriptedRest, type ScriptedRest } from './scripted-rest.ts';

const PRICES = { 'BTC-USD': '64000.5', 'ETH-USD': '3100' };

interface HeldRest extends AsyncDisposable {
  readonly rest: ScriptedRest;
  /** Answers of requests that have arrived, in order, to be let out. */
  readonly held: (() => void)[];
}

async function startHeldRest(): Promise<HeldRest> {
  const held: (() => void)[] = [];
  const rest = await startScriptedRest((request, response) => {
    held.push(() => json(200, PRICES)(request, response));
  });
  return { rest, held, [Symbol.asyncDispose]: () => rest[Symbol.asyncDispose]() };
}

/** By its own counts: no Valkey answers it. */
function lonelyGovernor(maxConcurrent: number): Governor {
  const valkey = { bulk: { run: () => Promise.reject(new Error('no Valkey here')) } };
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  return createGovernor({ ...shared, valkey, maxConcurrent: () => maxConcurrent });
}

test('requests that somebody waits for overlap, as many as may be in flight; one more is turned down at once', async () => {
  await using fixture = await startHeldRest();
  const { rest, held } = fixture;
  const governor = lonelyGovernor(4);
  const { notes, upstream } = callerOf(rest, { governor });
  const fetcher = createVenueFetcher(upstream);
  const asked = Array.from({ length: 4 }, () => fetcher.one(BTC));
  await waitFor(() => held.length === 4);
  expect(await fetcher.one(BTC)).toMatchObject({ kind: 'refused', cause: 'concurrency' });
  expect(notes.consumed).toHaveLength(4);
  for (const answer of held) answer();
  for (const outcome of await Promise.all(asked)) expect(outcome).toMatchObject({ kind: 'ok' });
  expect(rest.inFlightMost).toBe(4);
  // The places are free again.
  const next = fetcher.one(ETH);
  await waitFor(() => held.length === 5);
  held[4]?.();
  expect(await next).toMatchObject({ kind: 'ok' });
  await governor.close();
});

test('batches go to a host one by one, and take no place in flight while they wait', async () => {
  await using fixture = await startHeldRest();
  const { rest, held } = fixture;
  const governor = lonelyGovernor(2);
  const { upstream } = callerOf(rest, { governor, lanes: createHostLanes(systemClock) });
  const fetchers = [createVenueFetcher(upstream), createVenueFetcher(upstream), createVenueFetcher(upstream)];
  const batches = fetchers.map((fetcher) => fetcher.batch([BTC]));
  await waitFor(() => held.length === 1);
  // Beside the one in flight there is a place for what somebody waits for.
  const waitedFor = createVenueFetcher(upstream).one(ETH);
  await waitFor(() => held.length === 2);
  held[1]?.();
  expect(await waitedFor).toMatchObject({ kind: 'ok' });
  for (const index of [0, 2, 3]) {
    await waitFor(() => held.length > index);
    held[index]?.();
  }
  for (const outcome of await Promise.all(batches)) expect(outcome).toMatchObject({ kind: 'ok' });
  expect(rest.paths).toEqual(['/prices', '/prices?symbol=ETH-USD', '/prices', '/prices']);
  expect(rest.inFlightMost).toBe(2);
  await governor.close();
});
