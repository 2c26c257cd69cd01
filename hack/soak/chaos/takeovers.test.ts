import { expect, test } from 'vitest';
import { createTakeovers } from './takeovers.ts';
import type { Served } from './watch.ts';

function served(pod: string, writtenMs: number, answeredMs: number): Served {
  return {
    pod,
    asset: 'BTC',
    price: 1,
    timestampMs: writtenMs,
    ageMs: 0,
    seq: writtenMs * 1_000,
    flags: [],
    sources: [],
    askedMs: answeredMs,
    answeredMs,
  };
}

test('a takeover ends when every server has answered with what was written after the kill', () => {
  const takeovers = createTakeovers(['p', 'q'], ['BTC']);
  takeovers.see(served('p', 500, 600));
  takeovers.killed(1_000);
  takeovers.see(served('p', 1_050, 1_200));
  takeovers.see(served('p', 2_500, 2_600));
  takeovers.see(served('q', 999, 2_600));
  expect([takeovers.tookMs, takeovers.isAwaited]).toEqual([[], true]);
  takeovers.see(served('q', 2_500, 3_100));
  expect([takeovers.tookMs, takeovers.isAwaited]).toEqual([[2_100], false]);
  takeovers.see(served('q', 3_500, 3_600));
  expect(takeovers.tookMs).toEqual([2_100]);
});
