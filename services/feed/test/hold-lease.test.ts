/** The lease on a real Valkey: one holder, soon another when it dies, none that believes too long. */
import { systemClock, type Clock } from '@weir/clock';
import {
  createFakeClock,
  silentLogger,
  startTestValkey,
  waitFor,
  type FakeClock,
  type TestValkey,
} from '@weir/testing';
import type { Valkey } from '@weir/valkey';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Hearing } from '../src/hearing.ts';
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

interface Over {
  readonly client?: Valkey;
  readonly clock?: Clock;
  readonly hearing?: () => Hearing;
  readonly onHeld?: () => void;
  readonly onLost?: () => Promise<void>;
}

function stand(name: string, over: Over = {}): Story {
  const events: string[] = [];
  let count = 0;
  const candidate = new LeaseCandidate({
    key: KEY,
    client: (over.client ?? valkey).bulk,
    clock: over.clock ?? systemClock,
    logger: silentLogger,
    nextLease: () => `${name}:${(count += 1)}`,
    hearing: over.hearing ?? (() => 'hears'),
    onHeld: (lease) => {
      events.push(`held ${lease}`);
      over.onHeld?.();
    },
    onLost: () => {
      events.push('lost');
      return over.onLost?.();
    },
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

/** So often is the lease asked for; every call is answered. */
function counted(client: Valkey): { readonly client: Valkey; readonly calls: { count: number } } {
  const calls = { count: 0 };
  const bulk = Object.create(client.bulk, {
    run: {
      value: async (...call: Parameters<Valkey['bulk']['run']>) => {
        const reply = await client.bulk.run(...call);
        calls.count += 1;
        return reply;
      },
    },
    // The prototype chain leads to the client itself.
  }) as Valkey['bulk'];
  return { client: Object.create(client, { bulk: { value: bulk } }) as Valkey, calls };
}

/** Lets the time of the one that asks by this clock and client pass, each of its claims answered in its turn. */
async function step(clock: FakeClock, calls: { readonly count: number }, ms: number, times = 1): Promise<void> {
  for (let left = times; left > 0; left -= 1) {
    const before = calls.count;
    await clock.advance(ms);
    await waitFor(() => calls.count > before);
    await clock.advance(0);
  }
}

test('goes from one that hears no source to one that does, which waits until nothing of the first is on its way', async () => {
  const clock = createFakeClock();
  const { client, calls } = counted(valkey);
  let hearing: Hearing = 'hears';
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  const first = stand('a', { client, clock, hearing: () => hearing, onLost: () => arrived });
  await waitFor(() => first.candidate.held);
  await step(clock, calls, 500, 20);
  const second = stand('b');
  const third = stand('c', { hearing: () => 'unsure' });
  hearing = 'deaf';
  await step(clock, calls, 500);
  await waitFor(async () => (await valkey.bulk.get(KEY)) === 'a:1 deaf asked');
  await step(clock, calls, 500);
  await waitFor(() => first.events.includes('lost'));
  expect(first.candidate.held).toBeUndefined();
  expect([second.events, third.events]).toEqual([[], []]);
  arrive();
  await waitFor(() => second.candidate.held === 'b:1');
  expect(third.events).toEqual([]);
  // Hearing again, the first one does not take it back.
  hearing = 'hears';
  await step(clock, calls, 500, 2);
  await waitFor(async () => Number(await valkey.bulk.call('PTTL', KEY)) < 1_600);
  await waitFor(async () => Number(await valkey.bulk.call('PTTL', KEY)) > 1_900);
  expect([first.events, second.events]).toEqual([['held a:1', 'lost'], ['held b:1']]);
});

test('is kept for 10 s by whoever has it, however little that one hears: two that are heard by turns do not toss it about', async () => {
  const clock = createFakeClock();
  const { client, calls } = counted(valkey);
  let hearing: Hearing = 'hears';
  const first = stand('a', { client, clock, hearing: () => hearing });
  await waitFor(() => first.candidate.held);
  hearing = 'deaf';
  for (let ms = 500; ms < 10_000; ms += 500) {
    await step(clock, calls, 500);
    expect(await valkey.bulk.get(KEY)).toBe('a:1');
  }
  await step(clock, calls, 500);
  expect(await valkey.bulk.get(KEY)).toBe('a:1 deaf');
});

test('stays with one that hears no source while nobody hears any, and with one that hears again before it was asked', async () => {
  const clock = createFakeClock();
  const one = counted(valkey);
  const other = counted(valkey);
  let hearing: Hearing = 'unsure';
  const first = stand('a', { client: one.client, clock, hearing: () => hearing });
  await waitFor(() => first.candidate.held);
  hearing = 'deaf';
  await step(clock, one.calls, 500, 20);
  const second = stand('b', { client: other.client, hearing: () => 'deaf' });
  const before = other.calls.count;
  await waitFor(async () => {
    await step(clock, one.calls, 500);
    return other.calls.count > before + 6;
  });
  expect([first.events, second.events]).toEqual([['held a:1'], []]);
  expect(await valkey.bulk.get(KEY)).toBe('a:1 deaf');
  hearing = 'hears';
  await step(clock, one.calls, 500);
  expect(await valkey.bulk.get(KEY)).toBe('a:1');
  const third = stand('c', { client: other.client });
  const asked = other.calls.count;
  await waitFor(async () => {
    await step(clock, one.calls, 500);
    return other.calls.count > asked + 6;
  });
  expect([first.candidate.held, third.events]).toEqual(['a:1', []]);
});

test('left free by a holder that died goes to whoever hears a source, and to one that hears none only after that', async () => {
  await valkey.bulk.call('SET', KEY, 'somebody', 'PX', 400);
  const deaf = stand('a', { hearing: () => 'deaf' });
  const hears = stand('b');
  await waitFor(() => hears.candidate.held);
  expect(deaf.events).toEqual([]);
  await hears.candidate.stop();
  await waitFor(() => deaf.candidate.held);
});

test('left free, is left alone for two polls by one that hears no source: prices go on within 3 s where nobody hears any', async () => {
  const clock = createFakeClock();
  const { client, calls } = counted(valkey);
  const deaf = stand('a', { client, clock, hearing: () => 'deaf' });
  await waitFor(() => calls.count === 1);
  await step(clock, calls, 250);
  expect(deaf.events).toEqual([]);
  await step(clock, calls, 250);
  expect(deaf.candidate.held).toBe('a:1');
});
