import { createFakeClock, silentLogger } from '@weir/testing';
import type { FeedStatus } from '@weir/wire';
import { expect, test } from 'vitest';
import { startStatusReporter } from './report-status.ts';

function setUp(refused: number) {
  const clock = createFakeClock();
  const written: string[] = [];
  const state = { fresh: 1, isBroken: false };
  const quarantined = Array.from({ length: refused }, (_, index) => ({
    asset: `A${index}`,
    symbol: `A${index}-USD`,
    reason: 'not listed by the venue',
  }));
  const words = { state: 'ok', reason: 'MarketsMissing', message: '', lastTransitionTime: '' } as const;
  const sources = ['a', 'b', 'c'].map((name) => ({
    ...words,
    name,
    exchange: name,
    quarantined,
    quarantinedCount: refused,
  }));
  const read = (): FeedStatus => ({
    feed: 'weir/majors',
    active: 'a',
    lease: 'a:1',
    appliedSeq: 1,
    assets: { total: 10, fresh: state.fresh },
    sources,
    updatedAt: new Date(clock.nowMs()).toISOString(),
  });
  const call = async (...args: readonly unknown[]): Promise<unknown> => {
    if (state.isBroken) throw new Error('away');
    written.push(String(args[2]));
    return 'OK';
  };
  // Of a client, a reporter uses this alone.
  const client = { call } as never;
  const reporter = startStatusReporter({ key: 'k', client, clock, logger: silentLogger, read });
  return { clock, written, state, reporter };
}

test('a status is written every second', async () => {
  const { clock, written, reporter } = setUp(1);
  await clock.advance(6_000);
  expect(written).toHaveLength(6);
  await reporter.stop();
});

test('one that is long is written when it says something new, and every 3 s otherwise', async () => {
  const { clock, written, state, reporter } = setUp(100);
  await clock.advance(9_000);
  expect(written).toHaveLength(3);
  state.fresh = 2;
  await clock.advance(1_000);
  state.fresh = 3;
  await clock.advance(1_000);
  expect(written).toHaveLength(5);
  // What could not be written is not taken as said.
  state.isBroken = true;
  await clock.advance(3_000);
  state.isBroken = false;
  await clock.advance(1_000);
  expect(written).toHaveLength(6);
  await reporter.stop();
});
