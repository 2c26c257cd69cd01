/** The limiter on a real Valkey: exactness over several pods, and what happens when Valkey hangs, forgets or comes back. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '@weir/clock';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLimiter, type BucketPolicy, type Decision, type Limiter } from '../index.ts';
import type { Burst } from './pod.ts';

interface Pod {
  readonly valkey: Valkey;
  readonly limiter: Limiter;
}

let server: TestValkey;
const pods: Pod[] = [];
const telemetry = createTestTelemetry();
const shared = { clock: systemClock, logger: silentLogger, telemetry };

beforeAll(async () => {
  server = await startTestValkey();
});
afterEach(async () => {
  for (const { valkey, limiter } of pods.splice(0)) {
    await limiter.close();
    await valkey.close();
  }
});
afterAll(() => server.stop());

async function startPods(count: number, decideMs: number): Promise<Pod[]> {
  for (let i = 0; i < count; i += 1) {
    const target = parseValkeyUrl(server.url);
    const valkey = createValkey({ ...shared, target, clientName: `test-${i}`, deadlines: { decideMs } });
    await valkey.ready();
    pods.push({ valkey, limiter: createLimiter({ ...shared, valkey, livePods: () => count, waitMsMax: decideMs }) });
  }
  return pods;
}

/** For what is exact only while Valkey answers in time, which a busy test machine may not manage. */
const PATIENT_MS = 20_000;
const DEADLINE_MS = 50;

/** Less than one token of refill in any run. */
const HUNDRED: BucketPolicy = { ratePerSecond: 0.001, burst: 100 };
const askFor = (keyId: string, bucket: BucketPolicy) =>
  ({ keyId, bucket, cost: 1, onValkeyFailure: 'Deny', dryRun: false }) as const;

/** Sends `requests` by `concurrency` callers over all pods in turn; answers how many were admitted. */
async function flood(keyId: string, requests: number, concurrency: number, onHalf = (): void => {}): Promise<number> {
  let sent = 0;
  let admitted = 0;
  const caller = async (_: unknown, place: number): Promise<void> => {
    while (sent < requests) {
      sent += 1;
      if (sent === requests / 2) onHalf();
      const pod = pods[(place + sent) % pods.length];
      const decision = await pod?.limiter.decide(askFor(keyId, HUNDRED));
      if (decision?.admitted === true) admitted += 1;
      // Refusals are answered at once; other callers and the sockets get their turn all the same.
      if (sent % 16 === 0) await setImmediate();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return admitted;
}

describe('exactness', () => {
  it('admits exactly 100 of 2,000 over three pods, ten times of ten', async () => {
    await startPods(3, PATIENT_MS);
    const admitted: number[] = [];
    for (let run = 0; run < 10; run += 1) admitted.push(await flood(`exact-${run}`, 2_000, 64));
    expect(admitted).toEqual(Array.from({ length: 10 }, () => 100));
  });

  it('admits exactly 100 of 2,000 over three processes, ten times of ten', async () => {
    const file = path.join(import.meta.dirname, 'pod.ts');
    const children: ChildProcess[] = Array.from({ length: 3 }, () => fork(file, [server.url]));
    try {
      await Promise.all(children.map((child) => once(child, 'message')));
      const ask = async (child: ChildProcess, burst: Burst): Promise<number> => {
        child.send(burst);
        // A pod answers each burst by one number.
        const [admitted] = (await once(child, 'message')) as [number];
        return admitted;
      };
      const sums: number[] = [];
      for (let run = 0; run < 10; run += 1) {
        const share = { keyId: `processes-${run}`, bucket: HUNDRED, concurrency: 21 };
        const admitted = await Promise.all(
          children.map((child, place) => ask(child, { ...share, requests: place === 0 ? 668 : 666 })),
        );
        sums.push(admitted.reduce((sum, count) => sum + count, 0));
      }
      expect(sums).toEqual(Array.from({ length: 10 }, () => 100));
    } finally {
      const exits = children.map((child) => once(child, 'exit'));
      for (const child of children) child.disconnect();
      await Promise.all(exits);
    }
  });

  it('admits at most one more burst when Valkey forgets everything meanwhile', async () => {
    await startPods(3, PATIENT_MS);
    const [first] = pods;
    let forgotten: Promise<unknown> = Promise.resolve();
    const admitted = await flood('forgotten', 2_000, 64, () => {
      forgotten = first?.valkey.bulk.call('FLUSHALL') ?? forgotten;
    });
    await forgotten;
    expect(admitted).toBeGreaterThanOrEqual(100);
    expect(admitted).toBeLessThanOrEqual(200);
  });

  it(
    'admits at least 0.98 of what the limit allows, and no more, when more is asked for',
    { timeout: 60_000 },
    async () => {
      await startPods(3, PATIENT_MS);
      const bucket = { ratePerSecond: 400, burst: 100 };
      const counts = { admitted: 0, leased: 0 };
      const count = (decision: Decision): void => {
        if (!decision.admitted) return;
        counts.admitted += 1;
        if (decision.basis === 'lease') counts.leased += 1;
      };
      const pending = new Set<Promise<void>>();
      const startMs = systemClock.monotonicMs();
      let endMs = startMs;
      const starvation = watchStarvation(pods[0]?.valkey);
      const servedMs = (): number => endMs - startMs - starvation.lostMs;
      while (servedMs() < 3_000 && endMs - startMs < 15_000) {
        for (const { limiter } of pods) {
          const decision = limiter.decide(askFor('long-run', bucket));
          if (decision instanceof Promise) {
            const counted: Promise<void> = decision.then(count).finally(() => pending.delete(counted));
            pending.add(counted);
          } else {
            count(decision);
          }
        }
        await setImmediate();
        endMs = systemClock.monotonicMs();
      }
      await Promise.all(pending);
      await starvation.end();
      const allowed = (ms: number): number => bucket.burst + (bucket.ratePerSecond * ms) / 1_000;
      expect(counts.admitted).toBeLessThanOrEqual(allowed(systemClock.monotonicMs() - startMs));
      expect(counts.admitted / allowed(servedMs())).toBeGreaterThanOrEqual(0.98);
    },
  );
});

/** With a core each, a turn of this process and one of the server together take less. */
const TURN_MS_MAX = 20;

/**
 * Adds up how long nothing could be asked for, because this process or the server was off its core: leases end unspent
 * then, and a bucket that is full gains nothing. It sends one PING after another by a client that the limiter does not use.
 */
function watchStarvation(valkey: Valkey | undefined) {
  let lostMs = 0;
  const over = new AbortController();
  const watch = async (): Promise<void> => {
    let answeredMs = systemClock.monotonicMs();
    while (!over.signal.aborted) {
      await valkey?.bulk.call('PING').catch(() => {});
      const nowMs = systemClock.monotonicMs();
      lostMs += Math.max(0, nowMs - answeredMs - TURN_MS_MAX);
      answeredMs = nowMs;
    }
  };
  const watching = watch();
  return {
    get lostMs() {
      return lostMs;
    },
    end: (): Promise<void> => {
      over.abort();
      return watching;
    },
  };
}

describe('a Valkey in trouble', () => {
  it('hung: costs one time-out, then the policy answers at once; and it comes back by itself', async () => {
    const [pod] = await startPods(1, DEADLINE_MS);
    if (pod === undefined) throw new Error('no pod');
    const ask = (keyId: string) => pod.limiter.decide(askFor(keyId, { ratePerSecond: 5, burst: 5 }));
    expect(await ask('before')).toMatchObject({ admitted: true, basis: 'valkey' });
    server.hang();
    try {
      const waited = ask('hung-0');
      expect(waited).toBeInstanceOf(Promise);
      expect(await waited).toMatchObject({ admitted: false, limit: 'unavailable', basis: 'fallback' });
      for (let i = 1; i <= 1_000; i += 1) {
        expect(ask(`hung-${i % 10}`)).toMatchObject({ admitted: false, limit: 'unavailable' });
        if (i % 100 === 0) await setImmediate();
      }
    } finally {
      server.resume();
    }
    await waitFor(async () => (await ask('after')).basis === 'valkey');
  });

  it('not in trouble: a stall of our own event loop of 100 ms opens no breaker and fails nobody', async () => {
    const [pod] = await startPods(1, DEADLINE_MS);
    if (pod === undefined) throw new Error('no pod');
    const decision = pod.limiter.decide(askFor('stalled', HUNDRED));
    await setImmediate();
    const endMs = systemClock.monotonicMs() + 100;
    while (systemClock.monotonicMs() < endMs);
    expect(await decision).toMatchObject({ admitted: true, basis: 'valkey' });
    expect(pod.valkey.decide.health).toBe('closed');
    expect(await pod.limiter.decide(askFor('stalled', HUNDRED))).toMatchObject({ admitted: true, basis: 'valkey' });
  });

  it('restarted: grants nothing until the leases of before have ended, then goes on', async () => {
    await using own = await startTestValkey();
    const valkey = createValkey({ ...shared, target: parseValkeyUrl(own.url), clientName: 'test-restart' });
    const limiter = createLimiter({ ...shared, valkey, livePods: () => 1 });
    try {
      await valkey.ready();
      expect(await limiter.decide(askFor('key', HUNDRED))).toMatchObject({ basis: 'valkey' });
      await own.stop();
      await waitFor(() => valkey.decide.health !== 'closed');
      expect(limiter.decide(askFor('key', HUNDRED))).toMatchObject({ limit: 'unavailable' });
      await using again = await startTestValkey({ port: own.port });
      await waitFor(() => valkey.decide.health === 'closed');
      expect(limiter.decide(askFor('key', HUNDRED))).toMatchObject({ limit: 'unavailable' });
      await waitFor(async () => (await limiter.decide(askFor('key', HUNDRED))).basis === 'valkey');
      expect(again.port).toBe(own.port);
    } finally {
      await limiter.close();
      await valkey.close();
    }
  });
});
