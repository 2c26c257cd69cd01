/**
 * The two invariants and the bound, for the real pod-side code over the model of the script, whatever the network, the
 * processes and the server do. fast-check prints the seed of a failure.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSimulation, worstExcess, type Simulation } from './test/simulation.ts';

/** Sums of admissions at instants that are no whole microseconds. */
const ROUNDING = 1e-6;

type Step = (simulation: Simulation) => void | Promise<void>;

const index = fc.nat({ max: 11 });
const step = (name: string, run: Step): { toString(): string; run: Step } => ({ run, toString: () => name });

const request = fc
  .tuple(index, fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 1, 1, 3))
  .map(([pod, count, cost]) => step(`request(${pod}, ${count}, ${cost})`, (sim) => sim.request(pod, count, cost)));
/** The whole burst at once: what shows tokens that were rebuilt while they were out on lease. */
const drain = index.map((pod) => step(`drain(${pod})`, (sim) => sim.drain(pod)));
/** All that the pod has on lease and nothing more. */
const spendLease = index.map((pod) => step(`spendLease(${pod})`, (sim) => sim.spendLease(pod)));
/** A lease that nobody looks at until it is spent just before its end, and everything that is left just after. */
const spendAtTheEnd = fc.tuple(index, index).map(([pod, other]) =>
  step(`spendAtTheEnd(${pod}, ${other})`, async (sim) => {
    await sim.passTime(240);
    await sim.spendLease(pod);
    await sim.passTime(10);
    await sim.drain(other);
    await sim.settle();
  }),
);
/** As that, but after the end: nothing may be left of the lease. */
const spendLate = fc.tuple(index, index).map(([pod, other]) =>
  step(`spendLate(${pod}, ${other})`, async (sim) => {
    await sim.passTime(300);
    await sim.spendLease(pod);
    await sim.drain(other);
    await sim.settle();
  }),
);
/** A lease that took long to arrive, and is used for as long as the pod believes in it. */
const slowReply = fc.tuple(index, index).map(([pod, other]) =>
  step(`slowReply(${pod}, ${other})`, async (sim) => {
    await sim.request(pod, 1, 1);
    await sim.settle();
    await sim.passTime(300);
    await sim.request(pod, 1, 1);
    await sim.execute(0);
    await sim.passTime(40);
    await sim.deliver(0);
    await sim.passTime(215);
    await sim.spendLease(pod);
    await sim.drain(other);
    await sim.settle();
  }),
);
const passTime = fc
  .oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 30, max: 400 }), fc.constantFrom(10, 235, 240))
  .map((ms) => step(`passTime(${ms})`, (sim) => sim.passTime(ms)));
const execute = index.map((call) => step(`execute(${call})`, (sim) => sim.execute(call)));
const deliver = index.map((call) => step(`deliver(${call})`, (sim) => sim.deliver(call)));
const settle = fc.constant(step('settle()', (sim) => sim.settle()));
const repeat = index.map((call) => step(`repeat(${call})`, (sim) => sim.repeat(call)));
const pause = index.map((pod) => step(`pause(${pod})`, (sim) => sim.pause(pod)));
const resume = fc
  .tuple(index, fc.boolean())
  .map(([pod, readsFirst]) => step(`resume(${pod}, ${readsFirst})`, (sim) => sim.resume(pod, readsFirst)));
/** A lease that was granted while its pod stood still: to the pod it is younger than to the server when it reads of it. */
const pausedReply = fc
  .tuple(index, index, fc.constantFrom(30, 100, 245, 260), fc.constantFrom(0, 190, 240), fc.boolean())
  .map(([pod, other, pausedMs, heldMs, readsFirst]) =>
    step(`pausedReply(${pod}, ${other}, ${pausedMs}, ${heldMs}, ${readsFirst})`, async (sim) => {
      await sim.request(pod, 1, 1);
      await sim.settle();
      await sim.passTime(300);
      await sim.request(pod, 1, 1);
      sim.pause(pod);
      sim.executeAll();
      await sim.passTime(pausedMs);
      await sim.resume(pod, readsFirst);
      await sim.passTime(heldMs);
      await sim.spendLease(pod);
      await sim.drain(other);
      await sim.settle();
    }),
  );
const crash = index.map((pod) => step(`crash(${pod})`, (sim) => sim.crash(pod)));
const close = index.map((pod) => step(`close(${pod})`, (sim) => sim.close(pod)));
const keep = fc.constant(step('keepForFailover()', (sim) => sim.keepForFailover()));
const stepBack = fc
  .integer({ min: 1, max: 5_000 })
  .map((ms) => step(`stepBack(${ms})`, (sim) => sim.stepServerClock(-ms)));

const ordinary = [
  { arbitrary: request, weight: 10 },
  { arbitrary: drain, weight: 2 },
  { arbitrary: spendLease, weight: 2 },
  { arbitrary: spendAtTheEnd, weight: 2 },
  { arbitrary: spendLate, weight: 1 },
  { arbitrary: slowReply, weight: 2 },
  { arbitrary: passTime, weight: 8 },
  { arbitrary: settle, weight: 6 },
  { arbitrary: execute, weight: 4 },
  { arbitrary: deliver, weight: 4 },
];
const hostile = [
  { arbitrary: repeat, weight: 2 },
  { arbitrary: pause, weight: 1 },
  { arbitrary: resume, weight: 2 },
  { arbitrary: pausedReply, weight: 2 },
  { arbitrary: crash, weight: 1 },
  { arbitrary: close, weight: 1 },
  { arbitrary: stepBack, weight: 1 },
];

const world = fc.record({
  ratePerSecond: fc.constantFrom(20, 30, 100, 777.7, 5_000),
  secondsOfBurst: fc.constantFrom(0.1, 0.25, 1, 3),
  pods: fc.integer({ min: 1, max: 6 }),
  drifts: fc.array(fc.constantFrom(-0.005, 0, 0.005), { minLength: 6, maxLength: 6 }),
});

const optionsOf = ({ secondsOfBurst, ...rest }: typeof world extends fc.Arbitrary<infer T> ? T : never) => ({
  ...rest,
  burst: Math.ceil(rest.ratePerSecond * secondsOfBurst),
});

const failOver = step('failOver()', (sim) => sim.failOver());
const forgetAll = step('forgetAll()', (sim) => sim.forgetAll());
const ordinarySteps = fc.array(fc.oneof(...ordinary, { arbitrary: keep, weight: 1 }), { maxLength: 40 });

/** What happens, runs to the end; answers by how much the worst interval exceeds burst + rate × interval. */
async function excessOf(options: ReturnType<typeof optionsOf>, run: readonly { run: Step }[]): Promise<number> {
  const sim = createSimulation(options);
  for (const each of run) await each.run(sim);
  return worstExcess(sim.admissions, options.ratePerSecond, options.burst);
}

describe('limiter, by properties', () => {
  it('keeps O ≤ Λ, ℓ + Λ ≤ B and burst + rate × interval under pauses, crashes, lost and repeated calls', async () => {
    const steps = fc.array(fc.oneof(...ordinary, ...hostile), { maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(world, steps, async (given, run) => {
        const options = optionsOf(given);
        const sim = createSimulation(options);
        for (const each of run) {
          await each.run(sim);
          expect(sim.outstanding(), 'tokens held without a liability').toBeLessThanOrEqual(sim.liability());
          expect(sim.level() + sim.liability(), 'level and liability').toBeLessThanOrEqual(options.burst);
        }
        expect(worstExcess(sim.admissions, options.ratePerSecond, options.burst)).toBeLessThanOrEqual(ROUNDING);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it('adds at most one burst when another server takes over with old state, or the state is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        world,
        fc.tuple(ordinarySteps, fc.constantFrom(failOver, forgetAll), ordinarySteps),
        async (given, [before, loss, after]) => {
          const options = optionsOf(given);
          const excess = await excessOf(options, [...before, loss, ...after]);
          expect(excess).toBeLessThanOrEqual(options.burst + ROUNDING);
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);

  it('adds at most rate × step when the clock of the server is set forward', async () => {
    await fc.assert(
      fc.asyncProperty(
        world,
        fc.tuple(ordinarySteps, fc.integer({ min: 1, max: 2_000 }), ordinarySteps),
        async (given, [before, stepMs, after]) => {
          const options = optionsOf(given);
          const forward = step(`stepForward(${stepMs})`, (sim) => sim.stepServerClock(stepMs));
          const excess = await excessOf(options, [...before, forward, ...after]);
          const added = Math.min(options.burst, (options.ratePerSecond * stepMs) / 1_000);
          expect(excess).toBeLessThanOrEqual(added + ROUNDING);
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);
});
