import { afterEach, describe, expect, it } from 'vitest';
import { countCycles, createSimulation, failing, overloadedAbove, type SimulationOptions } from './test/simulation.ts';

type Simulation = ReturnType<typeof createSimulation>;

const simulations: Simulation[] = [];
afterEach(async () => {
  for (const simulation of simulations.splice(0)) {
    await simulation.clock.advance(100);
    await simulation.close();
    expect(simulation.clock.pendingTimers).toBe(0);
  }
});

function simulate(options: SimulationOptions): Simulation {
  const simulation = createSimulation(options);
  simulations.push(simulation);
  return simulation;
}

/** Seconds after `fromMs` from which on nothing is shed any more. */
function recoveredAfterS({ samples }: Simulation, fromMs: number): number {
  const last = samples.findLast(({ shed }) => shed > 0);
  return last === undefined ? 0 : (last.atMs - fromMs) / 1_000;
}

const clusters = [
  { pods: 1, rate: 50 },
  { pods: 4, rate: 25 },
  { pods: 10, rate: 40 },
  { pods: 5, rate: 1 },
];

/** What price servers and a feed really ask of one venue. */
const quiet = [
  { pods: 2, rate: 0.5 },
  { pods: 3, rate: 0.4 },
  { pods: 1, rate: 1 },
  { pods: 3, rate: 0.7 },
  { pods: 5, rate: 1 },
];
const outages = quiet.flatMap((cluster) => [1, 0.5].map((share) => ({ ...cluster, share })));

describe('an outage of three minutes at little demand', () => {
  it.each(outages)('is held out without swings and ends in 15 s, $pods × $rate/s, share $share', async (outage) => {
    const { share, ...cluster } = outage;
    for (const seed of [1, 2, 3, 4]) {
      const simulation = simulate({ ...cluster, seed });
      await simulation.run(40, failing(0));
      const begun = simulation.samples.length;
      await simulation.run(180, failing(share));
      const during = simulation.samples.slice(begun);
      expect(countCycles(during, 0.2)).toBeLessThanOrEqual(2);
      const sheds = during.slice(during.length / 3).map(({ shed }) => shed);
      const mean = sheds.reduce((sum, shed) => sum + shed, 0) / sheds.length;
      expect(mean).toBeGreaterThan(share === 1 ? 0.9 : 0.35);
      if (share === 1) expect(Math.min(...sheds)).toBeGreaterThan(0.85);
      const returnedMs = simulation.clock.monotonicMs();
      await simulation.run(40, failing(0));
      expect(recoveredAfterS(simulation, returnedMs)).toBeLessThanOrEqual(15);
      // Nobody goes on paying for it.
      expect(simulation.view(0)?.shedProbability).toBe(0);
    }
  });

  it('is found to be over even by a request every half minute', async () => {
    const simulation = simulate({ pods: 1, rate: 1 });
    await simulation.run(40, failing(0));
    await simulation.run(60, failing(1));
    for (let turn = 0; turn < 6; turn += 1) {
      simulation.askOnce(failing(0));
      await simulation.idle(28);
    }
    expect(simulation.view(0)?.shedProbability).toBe(0);
  });
});

describe('several processes and one upstream', () => {
  it.each(clusters)('shed nothing of what succeeds, $pods × $rate/s', async (cluster) => {
    const simulation = simulate(cluster);
    await simulation.run(40, failing(0.01));
    // Two failures among 20 requests are more than a twentieth, even if only one of a hundred fails.
    expect(simulation.sentSince(0)).toBeGreaterThan(cluster.pods * cluster.rate * 40 * 0.97);
    expect(simulation.view(0)?.isThrottled).toBe(false);
  });

  it.each(clusters)('settle when half of it fails, $pods × $rate/s', async (cluster) => {
    const simulation = simulate(cluster);
    await simulation.run(20, failing(0));
    await simulation.run(15, failing(0.5));
    const settled = simulation.samples.length;
    await simulation.run(45, failing(0.5));
    const sheds = simulation.samples.slice(settled).map(({ shed }) => shed);
    const mean = sheds.reduce((sum, shed) => sum + shed, 0) / sheds.length;
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(0.8);
    expect(countCycles(simulation.samples, 0.4)).toBeLessThanOrEqual(2);
    expect(simulation.view(0)?.isThrottled).toBe(true);
  });

  it.each(clusters)('shed nearly all of what fails and recover within 15 s, $pods × $rate/s', async (cluster) => {
    const simulation = simulate(cluster);
    await simulation.run(20, failing(0));
    await simulation.run(30, failing(1));
    expect(simulation.samples.at(-1)?.shed).toBeGreaterThan(0.9);
    const sentFromMs = simulation.clock.monotonicMs() - 10_000;
    // A twentieth of the demand, and one probe per second in the whole cluster.
    const demand = cluster.pods * cluster.rate * 10;
    expect(simulation.sentSince(sentFromMs)).toBeLessThan(demand * 0.08 + 14);
    expect(simulation.sentSince(sentFromMs)).toBeGreaterThan(6);
    const returnedMs = simulation.clock.monotonicMs();
    await simulation.run(30, failing(0));
    expect(recoveredAfterS(simulation, returnedMs)).toBeLessThan(15);
    expect(countCycles(simulation.samples, 0.2)).toBe(0);
    expect(simulation.view(0)).toMatchObject({ isThrottled: false, basis: 'cluster' });
  });

  it('notice a failing upstream within a second once 20 requests have failed', async () => {
    const simulation = simulate({ pods: 4, rate: 25 });
    await simulation.run(20, failing(0));
    const failsFromMs = simulation.clock.monotonicMs();
    await simulation.run(12, failing(1));
    const noticed = simulation.samples.find(({ atMs, shed }) => atMs > failsFromMs && shed > 0.05);
    expect((noticed?.atMs ?? Number.POSITIVE_INFINITY) - failsFromMs).toBeLessThan(2_000);
    const mostly = simulation.samples.find(({ atMs, shed }) => atMs > failsFromMs && shed > 0.8);
    expect((mostly?.atMs ?? Number.POSITIVE_INFINITY) - failsFromMs).toBeLessThan(10_500);
  });

  it('leave an overloaded upstream most of what it can do, and seldom make it say "too many"', async () => {
    const simulation = simulate({ pods: 4, rate: 25 });
    await simulation.run(20, overloadedAbove(50));
    const settledMs = simulation.clock.monotonicMs();
    await simulation.run(40, overloadedAbove(50));
    expect(simulation.throttledSince(settledMs) / simulation.sentSince(settledMs)).toBeLessThan(0.12);
    expect(simulation.answered()).toBeGreaterThan(0.75 * 50 * 60);
    expect(countCycles(simulation.samples, 0.4)).toBeLessThanOrEqual(2);
  });

  it('send as much as before once an upstream no longer says "too many"', async () => {
    const simulation = simulate({ pods: 4, rate: 25 });
    await simulation.run(20, overloadedAbove(50));
    await simulation.run(20, failing(0));
    expect(simulation.view(0)).toMatchObject({ sendRate: undefined, shedProbability: 0 });
  });

  it('go on shedding when Valkey loses what they agreed on', async () => {
    const simulation = simulate({ pods: 4, rate: 10 });
    await simulation.run(20, failing(1));
    simulation.forget();
    const lostMs = simulation.clock.monotonicMs();
    await simulation.run(3, failing(1));
    // Falling by 0.1 per second at most, where it would have begun anew at 0.
    expect(Math.min(...simulation.samples.filter(({ atMs }) => atMs > lostMs).map(({ shed }) => shed))).toBeGreaterThan(
      0.6,
    );
  });

  it('go on by their own counts while Valkey is away, and come back to one view', async () => {
    const simulation = simulate({ pods: 3, rate: 30 });
    await simulation.run(10, failing(0));
    simulation.setAway(true);
    await simulation.run(3, failing(0));
    expect(simulation.view(0)).toMatchObject({ basis: 'local', shedProbability: 0 });
    await simulation.run(15, failing(1));
    expect(simulation.samples.at(-1)?.shed).toBeGreaterThan(0.9);
    simulation.setAway(false);
    await simulation.run(2, failing(1));
    expect([0, 1, 2].map((pod) => simulation.view(pod)?.basis)).toEqual(['cluster', 'cluster', 'cluster']);
    const returnedMs = simulation.clock.monotonicMs();
    await simulation.run(25, failing(0));
    expect(recoveredAfterS(simulation, returnedMs)).toBeLessThan(15);
  });
});
