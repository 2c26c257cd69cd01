import { createFakeClock } from '@weir/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkQueue } from './work-queue.ts';

type Step =
  | { readonly do: 'add'; readonly key: string; readonly isLowPriority: boolean }
  | { readonly do: 'delay'; readonly key: string; readonly ms: number }
  | { readonly do: 'take' }
  | { readonly do: 'done'; readonly nth: number }
  | { readonly do: 'wait'; readonly ms: number };

const key = fc.constantFrom('a', 'b', 'c', 'd');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), key, isLowPriority: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delay' as const), key, ms: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('done' as const), nth: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) }) },
);

/** Runs the steps; notes what each key is owed: a piece of work that begins after the last time it was asked for. */
async function run(steps: readonly Step[]) {
  const clock = createFakeClock();
  const queue = new WorkQueue<string>(clock);
  const working: string[] = [];
  const owed = new Set<string>();
  const faults: string[] = [];
  const begin = async (): Promise<void> => {
    const item = await queue.take();
    if (item === undefined) return;
    if (working.includes(item.key)) faults.push(`two workers on ${item.key}`);
    working.push(item.key);
    owed.delete(item.key);
  };
  const finish = (nth: number): void => {
    const [done] = working.splice(nth % Math.max(1, working.length), 1);
    if (done !== undefined) queue.done(done);
  };
  for (const each of steps) {
    if (each.do === 'add') owed.add(each.key);
    if (each.do === 'add') queue.add(each.key, each);
    if (each.do === 'delay') queue.addAfter(each.key, each.ms);
    if (each.do === 'take') void begin();
    if (each.do === 'done') finish(each.nth);
    await clock.advance(each.do === 'wait' ? each.ms : 0);
  }
  // Everybody ends, and there are workers enough.
  for (let round = 0; round < 20; round += 1) {
    while (working.length > 0) finish(0);
    for (let worker = 0; worker < 4; worker += 1) void begin();
    await clock.advance(60);
  }
  return { faults, owed: [...owed], left: queue.length + queue.delayed };
}

describe('a work queue', () => {
  it('never gives two workers one key, and loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
        expect(await run(steps)).toEqual({ faults: [], owed: [], left: 0 });
      }),
      { numRuns: 200 },
    );
  });
});
