/**
 * Several processes with the real pod-side code, one model of the store, and a network in between that a test plays: calls
 * and replies are delayed, lost, repeated and overtaken; processes pause and crash; the server forgets and changes clocks.
 *
 * Every admission is recorded at its own instant: for one decided by the store when the script ran, for one spent from
 * a lease when it was spent.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@weir/clock';
import { WeirError } from '@weir/errors';
import type { ValkeyScript } from '@weir/valkey';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import type { Decision } from '../decision.ts';
import { createKeyTable, type KeyTable } from '../key-table.ts';
import { createLimiterOver, type Limiter } from '../limiter.ts';
import { createDecisionModel, type ModelFaults } from './decision-model.ts';

export interface Admission {
  readonly atMs: number;
  readonly cost: number;
}

interface PendingCall {
  readonly pod: Pod;
  readonly key: string;
  readonly args: readonly (string | number)[];
  readonly sentMs: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (err: unknown) => void;
  reply: number[] | undefined;
  executedMs: number;
  isOver: boolean;
}

interface PodTimer {
  readonly dueMs: number;
  readonly run: () => void;
}

interface Pod {
  readonly name: string;
  readonly limiter: Limiter;
  readonly keys: KeyTable;
  readonly timers: Set<PodTimer>;
  readonly nowMs: () => number;
  isPaused: boolean;
  /** When the script ran whose reply this pod is reading. */
  repliedMs: number;
}

export interface SimulationOptions {
  readonly ratePerSecond: number;
  readonly burst: number;
  readonly pods: number;
  /** Share by which each pod's clock runs fast or slow, by place. */
  readonly drifts?: readonly number[];
  readonly faults?: ModelFaults;
}

const KEY_ID = 'key';
const DEADLINE_MS = 50;

export type Simulation = ReturnType<typeof createSimulation>;

export function createSimulation(options: SimulationOptions) {
  const { ratePerSecond, burst } = options;
  const bucket = { ratePerSecond, burst };
  const admissions: Admission[] = [];
  const calls: PendingCall[] = [];
  let trueMs = 0;
  let serverStepUs = 0n;
  const failoverListeners = new Set<() => void>();
  let podsMade = 0;
  const serverUs = (): bigint => 1_700_000_000_000_000n + BigInt(Math.round(trueMs * 1_000)) + serverStepUs;
  const model = createDecisionModel(serverUs, options.faults);
  let restore = model.snapshot();

  const createPod = (place: number): Pod => {
    const drift = 1 + (options.drifts?.[place] ?? 0);
    const timers = new Set<PodTimer>();
    const nowMs = (): number => trueMs * drift + place * 1_000_000;
    const clock: Clock = {
      nowMs,
      monotonicMs: nowMs,
      setTimeout(run, delayMs) {
        const timer = { dueMs: nowMs() + delayMs, run };
        timers.add(timer);
        return { cancel: () => void timers.delete(timer) };
      },
      setInterval() {
        throw new Error('the limiter uses no interval');
      },
    };
    const keys = createKeyTable(10);
    podsMade += 1;
    const seed = podsMade / 1_000;
    const decide = {
      run: (_script: ValkeyScript, [key = '']: readonly string[], args: readonly (string | number)[]) =>
        new Promise<unknown>((resolve, reject) => {
          calls.push({
            pod,
            key,
            args,
            sentMs: trueMs,
            resolve,
            reject,
            reply: undefined,
            executedMs: 0,
            isOver: false,
          });
        }),
      health: 'closed' as const,
      onFailover(listener: () => void) {
        failoverListeners.add(listener);
        return () => void failoverListeners.delete(listener);
      },
    };
    const limiter = createLimiterOver(keys, {
      valkey: { decide },
      clock,
      telemetry: createTestTelemetry(),
      logger: silentLogger,
      livePods: () => options.pods,
      random: () => seed,
    });
    const pod: Pod = { name: `pod-${podsMade}`, limiter, keys, timers, nowMs, isPaused: false, repliedMs: 0 };
    return pod;
  };
  const pods = Array.from({ length: options.pods }, (_, place) => createPod(place));
  const podAt = (place: number): Pod => pods[place % pods.length] as Pod;

  const record = (decision: Decision, cost: number, pod: Pod): void => {
    if (!decision.admitted) return;
    admissions.push({ atMs: decision.basis === 'valkey' ? pod.repliedMs : trueMs, cost });
  };
  const pick = (list: readonly PendingCall[], index: number): PendingCall | undefined => list[index % list.length];
  const settleMicrotasks = (): Promise<void> => setImmediate();

  const passTime = async (ms: number): Promise<void> => {
    trueMs += ms;
    for (const call of calls) {
      if (call.isOver || call.pod.isPaused || trueMs - call.sentMs < DEADLINE_MS) continue;
      call.isOver = true;
      call.reject(new WeirError('VALKEY_TIMEOUT'));
    }
    for (const pod of pods) {
      for (const timer of pod.timers) {
        if (pod.isPaused || timer.dueMs > pod.nowMs()) continue;
        pod.timers.delete(timer);
        timer.run();
      }
    }
    await settleMicrotasks();
  };

  const execute = (call: PendingCall | undefined): void => {
    if (call === undefined) return;
    call.reply = model.run(call.key, call.args);
    call.executedMs = trueMs;
  };

  /** The pod reads the reply of a call that has run. */
  const answer = (call: PendingCall | undefined): void => {
    if (call === undefined) return;
    call.isOver = true;
    call.pod.repliedMs = call.executedMs;
    call.resolve(call.reply);
  };

  const request = async (place: number, count: number, cost: number): Promise<void> => {
    const pod = podAt(place);
    if (pod.isPaused) return;
    for (let i = 0; i < count; i += 1) {
      const known = pod.keys.get(KEY_ID);
      if (known !== undefined) known.demandPerSecond = ratePerSecond * 4;
      const decision = pod.limiter.decide({ keyId: KEY_ID, bucket, cost, onValkeyFailure: 'Deny', dryRun: false });
      if (decision instanceof Promise) void decision.then((later) => record(later, cost, pod));
      else record(decision, cost, pod);
    }
    await settleMicrotasks();
  };

  return {
    admissions,
    /** Requests at one pod, which expects as much demand as there can be: the worst case for what is out on lease. */
    request,
    drain: (place: number) => request(place, burst, 1),
    spendLease: (place: number) => request(place, podAt(place).keys.get(KEY_ID)?.leasedTokens ?? 0, 1),
    passTime,
    /** The server runs a call that has not run yet, any of them: late ones too. */
    async execute(index: number): Promise<void> {
      execute(
        pick(
          calls.filter((call) => call.reply === undefined),
          index,
        ),
      );
      await settleMicrotasks();
    },
    /** The server runs every call that has not run yet. */
    executeAll(): void {
      for (const call of calls) if (call.reply === undefined) execute(call);
    },
    /** The server runs a call again, and nobody hears of it. */
    repeat(index: number): void {
      const call = pick(calls, index);
      if (call !== undefined) model.run(call.key, call.args);
    },
    async deliver(index: number): Promise<void> {
      const ready = calls.filter((call) => call.reply !== undefined && !call.isOver && !call.pod.isPaused);
      answer(pick(ready, index));
      await settleMicrotasks();
    },
    /** Everything sent is run and answered, again and again until nobody asks. */
    async settle(): Promise<void> {
      for (;;) {
        const call = calls.find(({ isOver, pod }) => !isOver && !pod.isPaused);
        if (call === undefined) return;
        if (call.reply === undefined) execute(call);
        answer(call);
        await settleMicrotasks();
      }
    },
    pause(place: number): void {
      podAt(place).isPaused = true;
    },
    /** `readsFirst`: what the server has answered meanwhile lies in the socket, and is read before any timer runs. */
    async resume(place: number, readsFirst: boolean): Promise<void> {
      const pod = podAt(place);
      pod.isPaused = false;
      for (const call of readsFirst ? calls : []) {
        if (call.pod !== pod || call.isOver || call.reply === undefined) continue;
        answer(call);
        await settleMicrotasks();
      }
      await passTime(0);
    },
    /** Its tokens are gone and nobody reads its replies; what it has sent may still run. */
    crash(place: number): void {
      const index = place % pods.length;
      for (const call of calls) if (call.pod === pods[index]) call.isOver = true;
      pods[index] = createPod(index);
    },
    async close(place: number): Promise<void> {
      const pod = podAt(place);
      if (!pod.isPaused) void pod.limiter.close();
      await settleMicrotasks();
    },
    keepForFailover(): void {
      restore = model.snapshot();
    },
    /** Another server takes over with what it had when last kept; calls in flight fail, and every pod notices. */
    async failOver(): Promise<void> {
      restore();
      for (const notify of failoverListeners) notify();
      for (const call of calls) {
        call.reply ??= [];
        if (!call.isOver) call.reject(new WeirError('VALKEY_UNAVAILABLE'));
        call.isOver = true;
      }
      await settleMicrotasks();
    },
    forgetAll(): void {
      model.clear();
    },
    stepServerClock(ms: number): void {
      serverStepUs += BigInt(ms) * 1_000n;
    },
    trueMs: () => trueMs,
    /** O: tokens in unexpired leases, as the pods see it. */
    outstanding(): number {
      let sum = 0;
      for (const pod of pods) {
        const state = pod.keys.get(KEY_ID);
        if (state !== undefined && pod.nowMs() < state.leaseEndMs) sum += state.leasedTokens;
      }
      return sum;
    },
    /** Λ and ℓ, as the store sees it. */
    liability: () => model.liability(`ratelimit:{${KEY_ID}}`),
    level: () => model.level(`ratelimit:{${KEY_ID}}`, burst),
  };
}

/** The largest number of tokens by which any interval's admissions exceed burst + rate × interval; at most 0 is exact. */
export function worstExcess(admissions: readonly Admission[], ratePerSecond: number, burst: number): number {
  const sorted = admissions.toSorted((a, b) => a.atMs - b.atMs);
  // The debt of an ideal bucket that never refuses is the worst sum over all intervals that end here.
  let debt = 0;
  let lastMs = 0;
  let worst = Number.NEGATIVE_INFINITY;
  for (const { atMs, cost } of sorted) {
    debt = Math.max(0, debt - ((atMs - lastMs) * ratePerSecond) / 1_000) + cost;
    lastMs = atMs;
    worst = Math.max(worst, debt - burst);
  }
  return worst;
}
