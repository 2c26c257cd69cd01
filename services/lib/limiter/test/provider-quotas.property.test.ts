/** Whatever becomes of processes and calls, all of them together never pass the quota; and Valkey's absence changes nothing in that. */
import { createFakeClock, createTestTelemetry, silentLogger, startTestValkey, type TestValkey } from '@weir/testing';
import { createValkey, defineScript, parseValkeyUrl, type Valkey } from '@weir/valkey';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProviderQuota } from '../index.ts';
import { providerSource } from '../provider-script.ts';
import { createProviderSimulation, mostIn, type ProviderSimulation } from './provider-simulation.ts';

/**
 * The last argument is the time. Without what the script allows for unequal ways to the provider: admissions are counted
 * where they are made, and what is exact there must not hide behind it.
 */
const ALLOWANCE = ' + min(1000, ceil(of.window / 20))';
const source = providerSource('local now = tonumber(table.remove(ARGV))').replace(ALLOWANCE, '');
const timedScript = defineScript('provider-quota-timed', source, 1);

let server: TestValkey;
let valkey: Valkey;
let runs = 0;

beforeAll(async () => {
  server = await startTestValkey();
  valkey = createValkey({
    target: parseValkeyUrl(server.url),
    // It stands still: how long a busy machine takes to answer says nothing of the script, and nothing is given up for it.
    clock: createFakeClock(),
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
  });
  await valkey.ready();
});
afterAll(async () => {
  await valkey.close();
  await server.stop();
});

function simulate(quota: ProviderQuota, pods: number, script = timedScript, named = pods): ProviderSimulation {
  runs += 1;
  return createProviderSimulation({ valkey, script, provider: `run-${runs}`, quota, pods, named });
}

type Step = (sim: ProviderSimulation) => Promise<void> | void;

const place = fc.nat({ max: 3 });
const index = fc.nat({ max: 8 });
const demand = fc.record({
  place,
  count: fc.integer({ min: 1, max: 40 }),
  points: fc.constantFrom(1, 1, 1, 3),
  waitMsMax: fc.constantFrom(0, 0, 400),
  class: fc.constantFrom('interactive' as const, 'interactive' as const, 'background' as const),
});
const usual: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 6,
    arbitrary: demand.map(
      ({ place: at, count, points, ...how }): Step =>
        (sim) =>
          sim.request(at, count, points, how),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 40 }).map(
      (ms): Step =>
        (sim) =>
          sim.pass(ms),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 40, max: 260 }).map(
      (ms): Step =>
        (sim) =>
          sim.pass(ms),
    ),
  },
  { weight: 5, arbitrary: fc.constant<Step>((sim) => sim.answerAll()) },
  {
    weight: 3,
    arbitrary: index.map(
      (at): Step =>
        (sim) =>
          sim.execute(at),
    ),
  },
  {
    weight: 3,
    arbitrary: index.map(
      (at): Step =>
        (sim) =>
          sim.deliver(at),
    ),
  },
  {
    weight: 1,
    arbitrary: place.map(
      (at): Step =>
        (sim) =>
          sim.pause(at),
    ),
  },
  {
    weight: 1,
    arbitrary: place.map(
      (at): Step =>
        (sim) =>
          sim.resume(at),
    ),
  },
  {
    weight: 1,
    arbitrary: place.map(
      (at): Step =>
        (sim) =>
          sim.crash(at),
    ),
  },
];
const steps = fc.array(fc.oneof(...usual), { minLength: 20, maxLength: 80 });
const points = fc.constantFrom(1, 2, 9, 60, 500, 5_000);

const play = async (sim: ProviderSimulation, list: readonly Step[]): Promise<void> => {
  for (const step of list) await step(sim);
};

function expectWindowsWithin({ admissions, windowEnds }: ProviderSimulation, all: number, durationMs: number): void {
  for (const end of windowEnds) {
    const within = admissions.filter(({ atMs }) => Math.floor(atMs) >= end - durationMs && Math.floor(atMs) < end);
    expect(within.reduce((sum, each) => sum + each.points, 0)).toBeLessThanOrEqual(all);
  }
}

describe('pauses, crashes, lost and late calls', () => {
  it('Smooth: no span of a window has more than the quota', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(points, steps, async (all, list) => {
        const sim = simulate({ points: all, durationMs: 1_000, window: 'Smooth' }, 4);
        await play(sim, list);
        expect(mostIn(sim.admissions, 1_000)).toBeLessThanOrEqual(all);
      }),
      { numRuns: 150 },
    );
  });

  it('one process alone was told the quota, and says nothing for long: the others keep to it all the same', async () => {
    // Everybody is answered: whoever cannot ask goes by what it was told itself.
    const asked = demand.map(({ place: at, count, points: cost, ...how }): Step => async (sim) => {
      await sim.request(at, count, cost, how);
      await sim.answerAll();
    });
    const idle = fc.constantFrom(20, 300, 2_100).map(
      (ms): Step =>
        (sim) =>
          sim.run(ms, () => Promise.resolve(), ms > 500 ? 30 : 5),
    );
    const others = fc.array(fc.oneof({ weight: 2, arbitrary: asked }, idle), { minLength: 10, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(points, others, async (all, list) => {
        const sim = simulate({ points: all, durationMs: 1_000, window: 'Smooth' }, 4, timedScript, 1);
        await sim.request(0, 1, 1, {});
        await sim.answerAll();
        await play(sim, list);
        expect(mostIn(sim.admissions, 1_000)).toBeLessThanOrEqual(all);
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  it('Fixed: no window has more than the quota', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(points, steps, async (all, list) => {
        const sim = simulate({ points: all, durationMs: 1_000, window: 'Fixed' }, 4);
        await play(sim, list);
        expectWindowsWithin(sim, all, 1_000);
      }),
      { numRuns: 150 },
    );
  });

  it('DEL: adds the burst that is whole again and what was out on lease', { timeout: 120_000 }, async () => {
    const arbitrary = fc.tuple(points, steps, steps);
    await fc.assert(
      fc.asyncProperty(arbitrary, async ([all, before, after]) => {
        const sim = simulate({ points: all, durationMs: 1_000, window: 'Smooth' }, 4);
        await play(sim, before);
        const out = await sim.forget();
        await play(sim, after);
        const burst = Math.max(1, Math.floor(all / 10));
        expect(mostIn(sim.admissions, 1_000)).toBeLessThanOrEqual(all + burst + out);
      }),
      { numRuns: 60 },
    );
  });
});

/** Everybody wants all there is, all the time. */
const flood = async (sim: ProviderSimulation): Promise<void> => {
  for (let at = 0; at < 4; at += 1) await sim.request(at, 6, 1, { waitMsMax: 0 });
};

describe('Valkey away for all', () => {
  // Long against an outage's beginning and end, so that what was admitted before and meanwhile still counts after.
  const [WINDOW_MS, STEP_MS] = [10_000, 20];
  const arbitrary = fc.record({
    all: fc.constantFrom(30, 200, 1_000),
    window: fc.constantFrom('Smooth' as const, 'Fixed' as const),
    beforeMs: fc.oneof(fc.integer({ min: 20, max: 100 }), fc.integer({ min: 100, max: 1_500 })),
    /** Shares fill up while nobody asks. */
    quietMs: fc.constantFrom(0, 0, 1_200, 4_000, 9_000),
    awayMs: fc.constantFrom(0, 100, 1_500),
    /** The whole of a window, or a part. */
    afterMs: fc.constantFrom(1_000, 10_000, 10_000),
    isForgotten: fc.boolean(),
  });
  type Outage = typeof arbitrary extends fc.Arbitrary<infer T> ? T : never;

  /** Answers what was admitted by shares. */
  const outlive = async (outage: Outage, script = timedScript): Promise<number> => {
    const { all, window, beforeMs, quietMs, awayMs, afterMs, isForgotten } = outage;
    const sim = simulate({ points: all, durationMs: WINDOW_MS, window }, 4, script);
    await sim.run(beforeMs, () => flood(sim), STEP_MS);
    const fromMs = sim.trueMs();
    sim.setAway(true);
    await sim.run(60, () => flood(sim), STEP_MS);
    await sim.run(quietMs, async () => {}, 100);
    await sim.run(awayMs, () => flood(sim), STEP_MS);
    const shared = sim.admissions.filter(({ atMs }) => atMs > fromMs + 300).length;
    if (isForgotten) {
      await sim.forget();
      sim.failOver();
    }
    sim.setAway(false);
    await sim.run(afterMs, () => flood(sim), STEP_MS);
    // A Fixed quota is per window of its own, of which a span of a window may touch two.
    expect(mostIn(sim.admissions, WINDOW_MS)).toBeLessThanOrEqual(window === 'Smooth' ? all : 2 * all);
    if (window === 'Fixed') expectWindowsWithin(sim, all, WINDOW_MS);
    return shared;
  };

  it(
    'nothing passes the quota before, during or after; and not when it comes back empty',
    { timeout: 120_000 },
    async () => {
      let shared = 0;
      await fc.assert(
        fc.asyncProperty(arbitrary, async (outage) => {
          shared += await outlive(outage);
        }),
        { numRuns: 30 },
      );
      expect(shared).toBeGreaterThan(0);
    },
  );
});

describe('what the script cannot do without', () => {
  const broken = (from: string, to: string) => {
    expect(source).toContain(from);
    return defineScript('provider-quota-broken', source.replace(from, to), 1);
  };
  const quota: ProviderQuota = { points: 5_000, durationMs: 1_000, window: 'Smooth' };
  const wantAll = async (sim: ProviderSimulation): Promise<void> => {
    for (let at = 0; at < 4; at += 1) await sim.request(at, 60, 1, { waitMsMax: 0 });
  };

  /** Points are leased, and spent only just before the lease ends; then everything is asked for. */
  const hoard = async (script: typeof timedScript): Promise<number> => {
    const sim = simulate(quota, 4, script);
    await sim.run(800, () => wantAll(sim));
    await sim.run(150, async () => {});
    for (let at = 0; at < 4; at += 1) await sim.request(at, 1, 1, {});
    await sim.answerAll();
    await sim.pass(18);
    sim.admissions.length = 0;
    for (let turn = 0; turn < 12; turn += 1) await wantAll(sim);
    await sim.answerAll();
    await sim.run(995, () => wantAll(sim));
    return mostIn(sim.admissions, 1_000);
  };
  it('the escrow clamp: refill would rebuild what is out on lease', async () => {
    expect(await hoard(timedScript)).toBeLessThanOrEqual(5_000);
    expect(await hoard(timedScript)).toBeGreaterThan(4_750);
    const broke = broken('debt = max(debt, leased * unit)', '');
    expect(await hoard(broke)).toBeGreaterThan(5_000);
  });

  const slow: ProviderQuota = { points: 200, durationMs: 10_000, window: 'Smooth' };

  /** An outage in which shares fill up while nobody asks, and are used up in the end; then everything is asked for. */
  const outlast = async (script: typeof timedScript): Promise<number> => {
    const sim = simulate(slow, 4, script);
    await sim.run(40, () => flood(sim), 20);
    sim.setAway(true);
    await sim.run(1_000, () => flood(sim), 20);
    await sim.run(9_000, async () => {}, 100);
    await sim.run(100, () => flood(sim), 20);
    sim.setAway(false);
    await sim.run(10_000, () => flood(sim), 20);
    return mostIn(sim.admissions, 10_000);
  };
  it('word of what was admitted meanwhile', { timeout: 60_000 }, async () => {
    expect(await outlast(timedScript)).toBeLessThanOrEqual(200);
    expect(await outlast(broken('debt + owed * unit', 'debt'))).toBeGreaterThan(200);
  });

  /** Another Valkey that knows nothing, soon after all was taken. */
  const restart = async (script: typeof timedScript): Promise<number> => {
    const sim = simulate(slow, 4, script);
    await sim.run(40, () => flood(sim), 20);
    sim.setAway(true);
    await sim.run(60, () => flood(sim), 20);
    await sim.forget();
    sim.failOver();
    sim.setAway(false);
    await sim.run(10_000, () => flood(sim), 20);
    return mostIn(sim.admissions, 10_000);
  };
  it('word of how much was left', { timeout: 60_000 }, async () => {
    expect(await restart(timedScript)).toBeLessThanOrEqual(200);
    expect(await restart(broken('elseif told_points >= 0 then', 'elseif false then'))).toBeGreaterThan(200);
  });
});
