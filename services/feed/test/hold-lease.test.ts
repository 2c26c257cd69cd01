/** The lease on a real Valkey: one holder, soon another when it dies, none that believes too long. */
import { systemClock, type Clock } from '@weir/clock';
import { createFakeClock, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import type { Valkey } from '@weir/valkey';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { LeaseCandidate } from '../src/hold-lease.ts';
import { openValkey } from './open-valkey.ts';

const KEY = 'feed:lease:weir/majors';

let server: TestValkey;
let valkey: Valkey;
let candidates: LeaseCandidate[] = [];

beforeAll(async () => {
  server = await startTestValkey();
  valkey = await openValkey(server.url);
});
afterAll(async () => {
  await valkey.close();
  await server.stop();
});
beforeEach(() => valkey.bulk.call('FLUSHALL'));
afterEach(async () => {
  await Promise.all(candidates.map((candidate) => candidate.stop()));
  candidates = [];
});

interface Story {
  readonly candidate: LeaseCandidate;
  readonly events: string[];
}

function stand(name: string, over: { client?: Valkey; clock?: Clock; onHeld?: () => void } = {}): Story {
  const events: string[] = [];
  let count = 0;
  const candidate = new LeaseCandidate({
    key: KEY,
    client: (over.client ?? valkey).bulk,
    clock: over.clock ?? systemClock,
    logger: silentLogger,
    nextLease: () => `${name}:${(count += 1)}`,
    onHeld: (lease) => {
      events.push(`held ${lease}`);
      over.onHeld?.();
    },
    onLost: () => void events.push('lost'),
  });
  candidates.push(candidate);
  return { candidate, events };
}

test('has one holder, and the next at once when that one stops', async () => {
  const first = stand('a');
  await waitFor(() => first.candidate.held);
  const second = stand('b');
  // Long enough for several polls and a renewal: the lease would have ended without one.
  await waitFor(async () => Number(await valkey.bulk.call('PTTL', KEY)) < 1_600);
  await waitFor(async () => Number(await valkey.bulk.call('PTTL', KEY)) > 1_900);
  expect([first.candidate.held, second.candidate.held]).toEqual(['a:1', undefined]);

  await first.candidate.stop();
  const stoppedMs = systemClock.monotonicMs();
  await waitFor(() => second.candidate.held === 'b:1');
  expect(systemClock.monotonicMs() - stoppedMs).toBeLessThan(1_000);
  expect(first.events).toEqual(['held a:1', 'lost']);
});

test('passes to a standby when the holder is cut off, which has stopped believing before that', async () => {
  const lonely = await openValkey(server.url);
  const first = stand('a', { client: lonely });
  await waitFor(() => first.candidate.held);
  let heldByBoth = false;
  const second = stand('b', { onHeld: () => (heldByBoth = first.candidate.held !== undefined) });
  await lonely.close();
  const cutMs = systemClock.monotonicMs();
  await waitFor(() => second.candidate.held);
  expect(systemClock.monotonicMs() - cutMs).toBeLessThan(3_000);
  expect(heldByBoth).toBe(false);
});

test('is not believed a moment longer than it surely lasts when Valkey hangs, whatever the machine does meanwhile', async () => {
  const clock = createFakeClock();
  const first = stand('a', { clock });
  await waitFor(() => first.candidate.held);
  server.hang();
  try {
    await clock.advance(1_799);
    expect(first.candidate.held).toBe('a:1');
    await clock.advance(1);
    expect(first.candidate.held).toBeUndefined();
  } finally {
    server.resume();
  }
});

test('is another one after a loss, so that batches are numbered anew', async () => {
  const first = stand('a');
  await waitFor(() => first.candidate.held);
  await valkey.bulk.call('SET', KEY, 'somebody else', 'PX', 800);
  await waitFor(() => first.candidate.held === 'a:2');
  expect(first.events).toEqual(['held a:1', 'lost', 'held a:2']);
});

test('is recognised as our own when the reply to the claim was lost', async () => {
  await valkey.bulk.call('SET', KEY, 'a:1', 'PX', 60_000);
  const first = stand('a');
  await waitFor(() => first.candidate.held === 'a:1');
  expect(Number(await valkey.bulk.call('PTTL', KEY))).toBeLessThanOrEqual(2_000);
});

test('has one holder again after FLUSHALL', async () => {
  const both = [stand('a'), stand('b')];
  await waitFor(() => both.some(({ candidate }) => candidate.held));
  await valkey.bulk.call('FLUSHALL');
  await waitFor(async () => {
    const holder = await valkey.bulk.get(KEY);
    const held = both.map(({ candidate }) => candidate.held).filter((lease) => lease !== undefined);
    return held.length === 1 && held[0] === holder;
  });
});

test('does not give back what another has taken', async () => {
  const first = stand('a');
  await waitFor(() => first.candidate.held);
  await valkey.bulk.call('SET', KEY, 'somebody else', 'PX', 60_000);
  await first.candidate.stop();
  expect(await valkey.bulk.get(KEY)).toBe('somebody else');
});
