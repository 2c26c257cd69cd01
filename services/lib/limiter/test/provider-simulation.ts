/**
 * Several processes with the real code, the real script on a real Valkey whose time is given, and a network in between
 * that a test plays: calls and replies are delayed and lost, processes pause and crash, Valkey goes away and forgets.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@weir/clock';
import { WeirError } from '@weir/errors';
import { keyspace } from '@weir/keyspace';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import type { Valkey, ValkeyScript } from '@weir/valkey';
import { createProviderQuotas, type ConsumeOptions, type ProviderQuota, type ProviderQuotas } from '../index.ts';

export interface Admission {
  readonly atMs: number;
  readonly points: number;
}

interface PendingCall {
  readonly pod: Pod;
  readonly args: readonly (string | number)[];
  readonly sentMs: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (err: unknown) => void;
  reply: unknown;
  executedMs: number | undefined;
  isOver: boolean;
}

interface Pod {
  readonly quotas: ProviderQuotas;
  readonly timers: Set<{ readonly dueMs: number; readonly run: () => void }>;
  readonly nowMs: () => number;
  readonly listeners: Set<() => void>;
  isPaused: boolean;
  /** Until when its breaker is open, after a call that got no answer in time. */
  openUntilMs: number;
  /** While it reads a reply: when the script ran. */
  replyMs: number | undefined;
}

export interface ProviderSimulationOptions {
  readonly valkey: Pick<Valkey, 'bulk'>;
  readonly script: ValkeyScript;
  readonly provider: string;
  readonly quota: ProviderQuota;
  readonly pods: number;
  /** How many of them have been told the quota; absent: all. */
  readonly named?: number;
}

const DEADLINE_MS = 50;
const PROBE_MS = 250;
const EPOCH_MS = 1_700_000_000_000;

export type ProviderSimulation = ReturnType<typeof createProviderSimulation>;

export function createProviderSimulation(options: ProviderSimulationOptions) {
  const { valkey, script, provider, quota } = options;
  const key = keyspace.providerQuota.key({ provider });
  const admissions: Admission[] = [];
  const calls: PendingCall[] = [];
  const windowEnds = new Set<number>();
  let trueMs = 0;
  let isAway = false;
  let made = 0;

  const createPod = (place: number): Pod => {
    made += 1;
    const seed = made / 1_000;
    const timers: Pod['timers'] = new Set();
    // Clocks run a little apart, and count from elsewhere.
    const nowMs = (): number => trueMs * (1 + (place - 1) / 1_000) + place * 1_000_000;
    const clock: Clock = {
      nowMs,
      monotonicMs: nowMs,
      setTimeout(run, delayMs) {
        const timer = { dueMs: nowMs() + delayMs, run };
        timers.add(timer);
        return { cancel: () => void timers.delete(timer) };
      },
      setInterval() {
        throw new Error('provider quotas use no interval');
      },
    };
    const listeners = new Set<() => void>();
    const decide = {
      run: (_script: ValkeyScript, _keys: readonly string[], args: readonly (string | number)[]) =>
        new Promise<unknown>((resolve, reject) => {
          const call = { pod, args, sentMs: trueMs, resolve, reject, reply: undefined, executedMs: undefined };
          calls.push({ ...call, isOver: false });
        }),
      call: () => Promise.resolve(''),
      get health() {
        return isAway || trueMs < pod.openUntilMs ? ('open' as const) : ('closed' as const);
      },
      onFailover(listener: () => void) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    };
    const quotas = createProviderQuotas({
      valkey: { decide, bulk: { call: () => Promise.resolve('') } },
      clock,
      telemetry: createTestTelemetry(),
      logger: silentLogger,
      livePods: () => options.pods,
      random: () => seed,
    });
    if (place < (options.named ?? options.pods)) quotas.configure(provider, quota);
    const pod: Pod = { quotas, timers, nowMs, listeners, isPaused: false, openUntilMs: 0, replyMs: undefined };
    return pod;
  };
  const pods = Array.from({ length: options.pods }, (_, place) => createPod(place));
  const podAt = (place: number): Pod => pods[place % pods.length] as Pod;

  const request = async (place: number, count: number, points: number, how: ConsumeOptions): Promise<void> => {
    const pod = podAt(place);
    if (pod.isPaused) return;
    for (let i = 0; i < count; i += 1) {
      void pod.quotas.tryConsume(provider, 'global', points, how).then((got) => {
        if (got.admitted) admissions.push({ atMs: pod.replyMs ?? trueMs, points });
      });
    }
    await setImmediate();
  };

  const runTimers = async (): Promise<void> => {
    for (const call of calls) {
      if (call.isOver || call.pod.isPaused || trueMs - call.sentMs < DEADLINE_MS) continue;
      call.isOver = true;
      call.pod.openUntilMs = trueMs + PROBE_MS;
      call.reject(new WeirError('VALKEY_TIMEOUT'));
    }
    await setImmediate();
    for (const pod of pods) {
      for (const timer of pod.timers) {
        if (pod.isPaused || timer.dueMs > pod.nowMs()) continue;
        pod.timers.delete(timer);
        timer.run();
      }
    }
    await setImmediate();
  };

  const execute = async (call: PendingCall | undefined): Promise<void> => {
    if (call === undefined || isAway) return;
    call.executedMs = trueMs;
    const nowMs = EPOCH_MS + Math.floor(trueMs);
    call.reply = await valkey.bulk.run(script, [key], [...call.args, nowMs]);
    // What the script answers in place nine: the end of the window.
    const end = Array.isArray(call.reply) ? Number(call.reply[8]) : 0;
    if (end > EPOCH_MS) windowEnds.add(end - EPOCH_MS);
  };

  const deliver = async (call: PendingCall | undefined): Promise<void> => {
    if (call === undefined) return;
    call.isOver = true;
    call.pod.replyMs = call.executedMs;
    call.resolve(call.reply);
    await setImmediate();
    call.pod.replyMs = undefined;
  };

  const leased = async (): Promise<number> => {
    const fields = await valkey.bulk.hgetall(key);
    return Object.entries(fields)
      .filter(([name]) => name.startsWith('lease:'))
      .reduce((sum, [, lease]) => sum + Number(lease.split(':')[0]), 0);
  };

  const answerAll = async (): Promise<void> => {
    for (;;) {
      const call = calls.find(({ isOver, pod }) => !isOver && !pod.isPaused);
      if (call === undefined || isAway) return;
      if (call.executedMs === undefined) await execute(call);
      await deliver(call);
    }
  };

  return {
    admissions,
    windowEnds,
    request,
    async pass(ms: number): Promise<void> {
      trueMs += ms;
      await runTimers();
    },
    async execute(index: number): Promise<void> {
      const ready = calls.filter((call) => call.executedMs === undefined);
      await execute(ready[index % ready.length]);
    },
    async deliver(index: number): Promise<void> {
      const ready = calls.filter((call) => call.executedMs !== undefined && !call.isOver && !call.pod.isPaused);
      await deliver(ready[index % ready.length]);
    },
    answerAll,
    /** Time passes while everybody is answered within a ms. */
    async run(ms: number, each: () => Promise<void>, stepMs = 5): Promise<void> {
      for (let passed = 0; passed < ms; passed += stepMs) {
        trueMs += stepMs;
        await runTimers();
        await each();
        await answerAll();
      }
    },
    pause(place: number): void {
      podAt(place).isPaused = true;
    },
    /** What the server has answered meanwhile lies in the socket, and is read before any timer runs. */
    async resume(place: number): Promise<void> {
      const pod = podAt(place);
      pod.isPaused = false;
      for (const call of calls) {
        if (call.pod === pod && !call.isOver && call.executedMs !== undefined) await deliver(call);
      }
      await runTimers();
    },
    /** Its points are gone and nobody reads its replies; what it has sent may still run. */
    crash(place: number): void {
      const index = place % pods.length;
      const gone = pods[index];
      for (const call of calls) if (call.pod === gone) call.isOver = true;
      pods[index] = createPod(index);
    },
    /** For all alike; calls in flight get no answer any more. */
    setAway(away: boolean): void {
      isAway = away;
      if (!away) for (const call of calls) call.executedMs ??= trueMs;
    },
    /** Answers what may be admitted beyond the quota by that: what is whole again, and what was out on lease. */
    async forget(): Promise<number> {
      const out = await leased();
      await valkey.bulk.call('DEL', key);
      return out;
    },
    failOver(): void {
      for (const pod of pods) for (const listener of pod.listeners) listener();
    },
    trueMs: () => trueMs,
  };
}

/** The most points that any span of so long contains, wherever it begins. */
export function mostIn(admissions: readonly Admission[], spanMs: number): number {
  const sorted = admissions.toSorted((a, b) => a.atMs - b.atMs);
  let from = 0;
  let sum = 0;
  let most = 0;
  for (const { atMs, points } of sorted) {
    sum += points;
    for (let first = sorted[from]; first !== undefined && atMs - first.atMs >= spanMs; first = sorted[from]) {
      sum -= first.points;
      from += 1;
    }
    most = Math.max(most, sum);
  }
  return most;
}
