/** Several processes with governors over one store on a fake clock, and an upstream that does what a test says. */
import { createFakeClock, createTestTelemetry, silentLogger } from '@weir/testing';
import { createGovernor, type Governor, type Outcome } from '../index.ts';
import { CLUSTER_LAW } from '../shed-law.ts';
import { createTally, type Tally } from '../tally.ts';

const SCOPE = 'lpo:simulated';

export interface SimulationOptions {
  readonly pods: number;
  /** Requests per second of each. */
  readonly rate: number;
  readonly seed?: number;
}

/** What the upstream makes of a request: `answeredLately` counts what it has answered within the last second. */
export type Upstream = (chance: number, answeredLately: number) => Outcome;

export const failing =
  (share: number): Upstream =>
  (chance) =>
    chance < share ? 'failure' : 'success';

/** Answers at most so many requests per second. */
export const overloadedAbove =
  (perSecond: number): Upstream =>
  (_chance, answeredLately) =>
    answeredLately >= perSecond ? 'throttled' : 'success';

export interface Sample {
  readonly atMs: number;
  /** Mean over the processes. */
  readonly shed: number;
}

const STEP_MS = 20;

/** A small generator of chance, so that a run can be repeated. */
function createChance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function createSimulation({ pods: count, rate, seed = 1 }: SimulationOptions) {
  const clock = createFakeClock();
  const chance = createChance(seed);
  const tallies = new Map<string, Tally>();
  let isAway = false;
  const bulk = {
    run(_script: unknown, [ring = '']: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
      if (isAway) return Promise.reject(new Error('away'));
      const tally = tallies.get(ring) ?? createTally(CLUSTER_LAW);
      tallies.set(ring, tally);
      const [total = 0, successes = 0, throttled = 0, wantsProbe, asked = 0, epochMs = 0, shedMicro = 0] =
        args.map(Number);
      const nowUs = 1_900_000_000_000_000 + Math.round(clock.monotonicMs() * 1_000);
      const reading = tally.step(nowUs, { total, successes, throttled, asked }, wantsProbe === 1, {
        epochMs,
        shedMicro,
      });
      const flags = [reading.isThrottled, reading.hasProbe].map(Number);
      const { successes: good, total: all, sendRate, epochMs: since } = reading;
      return Promise.resolve([nowUs, reading.shedMicro, flags[0], good, all, flags[1], sendRate, since]);
    },
  };
  const pods: Governor[] = Array.from({ length: count }, () =>
    createGovernor({ valkey: { bulk }, clock, logger: silentLogger, telemetry: createTestTelemetry(), random: chance }),
  );
  const sent: number[] = [];
  const samples: Sample[] = [];
  const answered: number[] = [];
  const throttled: number[] = [];
  let owed = 0;

  const request = (pod: Governor, upstream: Upstream): void => {
    const pass = pod.enter(SCOPE);
    if (!pass.admitted) return;
    const nowMs = clock.monotonicMs();
    sent.push(nowMs);
    const lately = answered.length - answered.findLastIndex((atMs) => atMs <= nowMs - 1_000) - 1;
    const outcome = upstream(chance(), lately);
    if (outcome === 'success') answered.push(nowMs);
    if (outcome === 'throttled') throttled.push(nowMs);
    clock.setTimeout(() => pass.end(outcome), 50);
  };

  return {
    clock,
    pods,
    samples,
    setAway: (away: boolean) => void (isAway = away),
    /** How many requests went out since an instant. */
    sentSince: (atMs: number) => sent.filter((sentMs) => sentMs >= atMs).length,
    answered: () => answered.length,
    throttledSince: (atMs: number) => throttled.filter((sentMs) => sentMs >= atMs).length,
    /** Valkey forgets everything. */
    forget: () => tallies.clear(),
    view: (pod: number) => pods[pod]?.views().find(({ scope }) => scope === SCOPE),
    async run(seconds: number, upstream: Upstream): Promise<void> {
      for (let elapsedMs = 0; elapsedMs < seconds * 1_000; elapsedMs += STEP_MS) {
        owed += (rate * STEP_MS) / 1_000;
        for (; owed >= 1; owed -= 1) for (const pod of pods) request(pod, upstream);
        await clock.advance(STEP_MS);
        const views = pods.flatMap((pod) => pod.views());
        const shed = views.reduce((sum, view) => sum + view.shedProbability, 0) / Math.max(1, views.length);
        samples.push({ atMs: clock.monotonicMs(), shed });
      }
    },
    askOnce: (upstream: Upstream) => void pods.map((pod) => request(pod, upstream)),
    /** Nobody asks. */
    async idle(seconds: number): Promise<void> {
      for (let elapsedMs = 0; elapsedMs < seconds * 1_000; elapsedMs += STEP_MS) await clock.advance(STEP_MS);
    },
    async close(): Promise<void> {
      await Promise.all(pods.map((pod) => pod.close()));
    },
  };
}

/** Times that a curve went down by more than `swing` and up again by as much. */
export function countCycles(samples: readonly Sample[], swing: number): number {
  let cycles = 0;
  let isFalling = false;
  let extreme = samples[0]?.shed ?? 0;
  for (const { shed } of samples) {
    if (isFalling ? shed < extreme : shed > extreme) extreme = shed;
    else if (Math.abs(shed - extreme) > swing) {
      if (isFalling) cycles += 1;
      isFalling = !isFalling;
      extreme = shed;
    }
  }
  return cycles;
}
