/**
 * Prints how much slower a call of process.nextTick is after ten full collections. Run with --expose-gc and
 * --no-concurrent-recompilation: V8 gives up only on code that it has made anew after each collection, and a thread of its
 * own that gets no processor between two of them has not made it.
 */
import { setImmediate } from 'node:timers/promises';
import { keepTick } from '../keep-tick.ts';

/** Long enough for a system that counts a thread's time by the hundredth of a second. */
const CALLS = 200_000;
const TRIES = 5;

/** Of this thread alone: what others do with the processor meanwhile does not count. */
function microsecondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(start);
  return user + system;
}

function timeTicks(): Promise<number> {
  return new Promise((resolve) => {
    const start = process.threadCpuUsage();
    let calls = 0;
    const call = (): void => {
      calls += 1;
      if (calls < CALLS) process.nextTick(call);
      else resolve(microsecondsSince(start));
    };
    process.nextTick(call);
  });
}

/** The best of several, since others use the caches of the processor too. */
async function bestTime(): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i += 1) best = Math.min(best, await timeTicks());
  return best;
}

const kept = process.argv[2] === 'kept' ? keepTick() : undefined;
await bestTime();
const before = await bestTime();
for (let i = 0; i < 10; i += 1) {
  await setImmediate();
  globalThis.gc?.();
  await setImmediate();
  await timeTicks();
}
const after = await bestTime();
console.log(JSON.stringify({ slowdown: after / before, isHeld: kept?.tick !== undefined }));
