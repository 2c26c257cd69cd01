/** A policy is edited while it is used: how soon the new limit holds, and whether `Enforced` tells the truth meanwhile. */
import { Agent } from 'node:http';
import { systemClock } from '@weir/clock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from './harness/eventually.ts';
import { apply, conditionOf, get, patch, remove } from './harness/kubectl.ts';
import { signalPod } from './harness/node.ts';
import { DECIDERS, isReady, livesOf, podsOf, type Pod } from './harness/pods.ts';
import { ask } from './harness/price-client.ts';
import { keySecretOf, policyWithKey, whenTrue, type ApiKeyPolicy } from './harness/resources.ts';
import { secretText } from './harness/valkey.ts';

const name = 'e2e-update';
const path = '/price?asset=BTC';
/** Bursts so large that no call here is refused. */
const [FIRST, SECOND, THIRD] = [500, 600, 700];
/** A pod that is asked by none of so many connections of their own is a chance of one in three thousand. */
const ASKED_IN_A_ROW = 20;

let key: string;

beforeAll(async () => {
  await apply(policyWithKey({ name }, { requestsPerSecond: FIRST, burst: FIRST }));
  await whenTrue('akp', { name });
  key = await secretText(keySecretOf(name), 'key');
});

afterAll(() => remove('akp', name));

const setBurst = (burst: number): Promise<void> =>
  patch('akp', name, { spec: { limits: { requestsPerSecond: burst, burst } } });

/** The burst that the answering pod enforces; `undefined` when it has not answered with a price. */
async function burstSeen(agent?: Agent): Promise<number | undefined> {
  const { status, headers } = await ask({ path, key, ...(agent !== undefined && { agent }) });
  const quota = /q=(\d+)/.exec(String(headers['ratelimit-policy']))?.[1];
  return status === 200 && quota !== undefined ? Number(quota) : undefined;
}

/** When the old limit was last seen, before it was not seen in a long row of answers. */
async function lastSeenMs(old: number): Promise<number> {
  const startedMs = systemClock.monotonicMs();
  let lastMs = startedMs;
  for (let row = 0; row < ASKED_IN_A_ROW; row += 1) {
    if ((await burstSeen()) !== old) continue;
    lastMs = systemClock.monotonicMs();
    row = -1;
    if (lastMs - startedMs > 20_000) throw new Error(`the old limit is still enforced after ${lastMs - startedMs} ms`);
  }
  return lastMs;
}

const enforced = async (): Promise<{ readonly isTrue: boolean; readonly reason: string; readonly of: number }> => {
  const policy = await get<ApiKeyPolicy>('akp', name);
  const condition = conditionOf(policy, 'Enforced');
  const isOfNewest = condition?.observedGeneration === policy.metadata.generation;
  return {
    isTrue: condition?.status === 'True' && isOfNewest,
    reason: condition?.reason ?? '',
    of: condition?.observedGeneration ?? -1,
  };
};

describe('an edited policy', () => {
  it('is in force on every pod in under 2 s, without a restart', async () => {
    const before = livesOf(await podsOf(DECIDERS));
    const { status } = await get<ApiKeyPolicy>('akp', name);
    const editedMs = systemClock.monotonicMs();
    await setBurst(SECOND);
    const lastMs = await lastSeenMs(FIRST);
    console.log(`the old limit was last enforced ${(lastMs - editedMs).toFixed(0)} ms after kubectl patch was started`);
    expect(lastMs - editedMs).toBeLessThan(2_000);
    expect(await burstSeen()).toBe(SECOND);
    const after = await whenTrue<ApiKeyPolicy>('akp', { name }, 'Enforced');
    expect(after.status?.revision).not.toBe(status?.revision);
    expect(livesOf(await podsOf(DECIDERS))).toEqual(before);
  });

  it('says so only once no pod enforces the old one', async () => {
    await setBurst(FIRST);
    await eventually(async () => expect((await enforced()).isTrue).toBe(true));
    const seen = await Promise.all(Array.from({ length: ASKED_IN_A_ROW }, () => burstSeen()));
    expect(new Set(seen)).toEqual(new Set([FIRST]));
  });
});

describe('a policy that is edited while a decider stands still', () => {
  let paused: Pod | undefined;

  afterEach(async () => {
    if (paused !== undefined) await signalPod(paused.metadata.uid, 'CONT').catch(() => undefined);
    await eventually(async () => expect((await podsOf(DECIDERS)).filter(isReady)).toHaveLength(3));
  });

  const isPausedReady = async (): Promise<boolean> =>
    (await podsOf(DECIDERS)).some((pod) => pod.metadata.uid === paused?.metadata.uid && isReady(pod));

  it('is not called enforced until that pod is unready, and never meets a caller with the old limit again', async () => {
    // Connections that are kept stay with their pods, and outlive their readiness.
    const agents = Array.from({ length: ASKED_IN_A_ROW }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    expect(new Set(await Promise.all(agents.map((agent) => burstSeen(agent))))).toEqual(new Set([FIRST]));
    [paused] = await podsOf(DECIDERS);
    expect(paused).toBeDefined();
    await signalPod(paused?.metadata.uid ?? '', 'STOP');
    await setBurst(THIRD);
    const whileReady: { readonly isTrue: boolean; readonly reason: string }[] = [];
    await eventually(async () => {
      // In this order: a pod that is ready afterwards was ready before.
      const said = await enforced();
      const isStillReady = await isPausedReady();
      if (isStillReady) whileReady.push(said);
      expect(isStillReady).toBe(false);
    }, 30_000);
    console.log(`while the paused pod was ready, Enforced was ${JSON.stringify(whileReady)}`);
    expect(whileReady.length).toBeGreaterThan(0);
    expect(whileReady.filter(({ isTrue }) => isTrue)).toEqual([]);
    await eventually(async () => expect((await enforced()).isTrue).toBe(true), 20_000);
    await signalPod(paused?.metadata.uid ?? '', 'CONT');
    const onKept = await Promise.allSettled(agents.map((agent) => burstSeen(agent)));
    for (const agent of agents) agent.destroy();
    const bursts = onKept.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
    console.log(`after SIGCONT, on connections kept from before: ${bursts.join(' ')}`);
    expect(bursts).not.toContain(FIRST);
    await eventually(async () => expect(await isPausedReady()).toBe(true));
    expect(new Set(await Promise.all(Array.from({ length: ASKED_IN_A_ROW }, () => burstSeen())))).toEqual(
      new Set([THIRD]),
    );
  });
});
