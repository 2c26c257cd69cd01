import type { DecideRequest, Decision } from '@weir/limiter';
import { expect, test } from 'vitest';
import { createCostForesight } from './foresee-cost.ts';

const decide: DecideRequest = {
  keyId: 'k1',
  bucket: { ratePerSecond: 10, burst: 20 },
  cost: 1,
  onValkeyFailure: 'LocalLimit',
  dryRun: false,
};
const access = { keyId: 'k1', decide, isDryRun: false };

function start(decision: Partial<Decision> = {}) {
  const asked: DecideRequest[] = [];
  const answer = { admitted: true, limit: undefined, remaining: 10, resetMs: 0, basis: 'valkey', ...decision } as const;
  const limiter = {
    decide(request: DecideRequest): Decision {
      asked.push(request);
      // One of the two, with members of a decision changed.
      return answer as Decision;
    },
  };
  return { foresight: createCostForesight(limiter), asked };
}

test('what a key could pay for goes on, and nothing is charged for the look', async () => {
  const { foresight, asked } = start();
  expect(await foresight.hold(access, 10)).toBeTypeOf('function');
  expect(asked).toEqual([{ ...decide, cost: 0 }]);
});

test('what requests under way may still cost counts as spent, by key, until they are over', async () => {
  const { foresight } = start();
  const release = await foresight.hold(access, 6);
  expect(await foresight.hold(access, 6)).toMatchObject({ admitted: false, limit: 'bucket', retryAfterMs: 200 });
  expect(await foresight.hold({ ...access, keyId: 'k2' }, 6)).toBeTypeOf('function');
  if (typeof release === 'function') release();
  expect(await foresight.hold(access, 6)).toBeTypeOf('function');
});

test('a refusal never says that enough is left', async () => {
  const { foresight } = start({ remaining: 4 });
  expect(await foresight.hold(access, 5)).toMatchObject({ admitted: false, remaining: 4, retryAfterMs: 100 });
});

test('without Valkey the policy decides, at the charge; a limiter that refuses is heard', async () => {
  expect(await start({ basis: 'fallback', remaining: 0 }).foresight.hold(access, 5)).toBeTypeOf('function');
  const unavailable = { admitted: false, limit: 'unavailable', retryAfterMs: 1_000, basis: 'fallback' } as const;
  expect(await start(unavailable).foresight.hold(access, 5)).toMatchObject({ limit: 'unavailable' });
});

test('keys without a limit and dry runs are not asked about', async () => {
  const { foresight, asked } = start({ remaining: 0 });
  expect(await foresight.hold({ ...access, decide: undefined }, 100)).toBeTypeOf('function');
  expect(await foresight.hold({ ...access, isDryRun: true }, 100)).toBeTypeOf('function');
  expect(asked).toEqual([]);
});
