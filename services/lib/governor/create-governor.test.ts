import { createFakeClock, createTestTelemetry, silentLogger } from '@weir/testing';
import { expect, test } from 'vitest';
import { createGovernor, type Governor, type Pass, type Turn } from './index.ts';

interface Call {
  readonly ring: string;
  readonly args: readonly (string | number)[];
}

function createParts(reply: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0]) {
  const clock = createFakeClock();
  const calls: Call[] = [];
  const state = { reply, maxConcurrent: undefined as number | undefined };
  const bulk = {
    run(_script: unknown, [ring = '']: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
      calls.push({ ring, args });
      return Promise.resolve([...state.reply]);
    },
  };
  const governor = createGovernor({
    valkey: { bulk },
    clock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    random: () => 0.5,
    maxConcurrent: () => state.maxConcurrent,
  });
  return { clock, calls, state, governor };
}

const admit = (governor: Governor): Pass => {
  const pass: Pass | Turn = governor.enter('lpo:coinbase');
  if (!pass.admitted) throw new Error(`turned away: ${pass.why}`);
  return pass;
};

test('admits as many requests at once as the parameter says, 16 without it, and counts each end once', () => {
  const { governor, state } = createParts();
  const passes = Array.from({ length: 16 }, () => admit(governor));
  expect(governor.enter('lpo:coinbase')).toEqual({ admitted: false, why: 'concurrency', retryAfterMs: 250 });
  expect(governor.enter('lpo:kraken').admitted).toBe(true);
  passes[0]?.end('success');
  passes[0]?.end('success');
  admit(governor);
  expect(governor.enter('lpo:coinbase').admitted).toBe(false);
  state.maxConcurrent = 17;
  admit(governor);
  expect(governor.enter('lpo:coinbase').admitted).toBe(false);
});

test('asks at once about an upstream it knows nothing of, then tells what happened, the aggregate too', async () => {
  const { governor, clock, calls } = createParts();
  const [first, second, third, fourth] = Array.from({ length: 4 }, () => admit(governor));
  expect(calls).toEqual([{ ring: '{adaptive:lpo:coinbase}:ring', args: [0, 0, 0, 0, 0, 0, 0] }]);
  first?.end('success');
  second?.end('throttled');
  third?.end('failure');
  fourth?.end('ignored');
  await clock.advance(300);
  expect(calls.slice(1)).toEqual([
    { ring: '{adaptive:lpo:coinbase}:ring', args: [3, 1, 1, 0, 4, 0, 0] },
    { ring: '{adaptive:lpo}:ring', args: [3, 1, 1, 0, 4, 0, 0] },
  ]);
});

test('sheds by what the cluster says, says that a probe would be used, and lets one through when it is granted', async () => {
  const { governor, clock, calls, state } = createParts([1, 600_000, 1, 50, 100, 0, 12_500, 7]);
  admit(governor);
  await clock.advance(0);
  expect(governor.enter('lpo:coinbase')).toEqual({ admitted: false, why: 'shed', retryAfterMs: 1_000 });
  expect(governor.views()).toEqual([
    {
      scope: 'lpo:coinbase',
      isThrottled: true,
      shedProbability: 0.6,
      successes: 50,
      total: 100,
      sendRate: 12.5,
      inFlight: 1,
      basis: 'cluster',
    },
  ]);
  state.reply = [1, 600_000, 1, 50, 100, 1, 12_500, 7];
  await clock.advance(300);
  // Two were asked for; the state it was told of, and what was shed by it, in case that is lost.
  expect(calls.at(-1)?.args).toEqual([0, 0, 0, 1, 2, 7, 600_000]);
  admit(governor);
  expect(governor.enter('lpo:coinbase').admitted).toBe(false);
});

test('an upstream that nobody uses costs no call and no timer', async () => {
  const { governor, clock, calls } = createParts();
  admit(governor).end('success');
  await clock.advance(10_000);
  const { length } = calls;
  await clock.advance(60_000);
  expect([calls.length, clock.pendingTimers]).toEqual([length, 0]);
  admit(governor);
  expect(calls).toHaveLength(length + 1);
});

test('tells the last counts when it closes', async () => {
  const { governor, calls, clock } = createParts();
  admit(governor).end('failure');
  await governor.close();
  expect(calls.map(({ args }) => args[0])).toEqual([0, 1, 1]);
  expect(clock.pendingTimers).toBe(0);
});
