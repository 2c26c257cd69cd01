/** Concurrency slots on a real Valkey. */
import { systemClock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSlots, SLOT_MS, type Slot, type SlotRefusal, type SlotRequest, type Slots } from '../slots.ts';

let server: TestValkey;
const clients: Valkey[] = [];
const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };

beforeAll(async () => {
  server = await startTestValkey();
}, 60_000);
afterAll(async () => {
  server.resume();
  await Promise.all(clients.map((valkey) => valkey.close()));
  await server.stop();
});

async function openPod(decideMs = 20_000, livePods = 2): Promise<Slots & { readonly valkey: Valkey }> {
  const target = parseValkeyUrl(server.url);
  const valkey = createValkey({ ...shared, target, clientName: 'test', deadlines: { decideMs } });
  await valkey.ready();
  clients.push(valkey);
  return { ...createSlots({ ...shared, valkey, livePods: () => livePods }), valkey };
}

const request = (keyId: string, changes: Partial<SlotRequest> = {}): SlotRequest => ({
  keyId,
  limit: 3,
  onValkeyFailure: 'LocalLimit',
  dryRun: false,
  ...changes,
});

function held(answer: Slot | SlotRefusal): Slot {
  if (answer.kind !== 'held') throw new Error('refused');
  return answer;
}

describe('slots', () => {
  test('are given out to the limit and no further, over all processes and however many ask at once', async () => {
    const [one, other] = [await openPod(), await openPod()];
    const asked = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? one : other).acquire(request('k1')));
    const answers = await Promise.all(asked);
    expect(answers.filter(({ kind }) => kind === 'held')).toHaveLength(3);
    expect(answers.find(({ kind }) => kind === 'refused')).toEqual({ kind: 'refused', limit: 'concurrency', used: 3 });
  });

  test('that are given back can be taken again, and giving one back twice frees one', async () => {
    const pod = await openPod();
    const [slot] = await Promise.all([1, 2, 3].map(() => pod.acquire(request('k2')).then(held)));
    slot?.release();
    slot?.release();
    await waitFor(async () => (await pod.valkey.bulk.call('ZCARD', keyspace.slots.key({ key_id: 'k2' }))) === 2);
    expect((await pod.acquire(request('k2'))).kind).toBe('held');
    expect((await pod.acquire(request('k2'))).kind).toBe('refused');
  });

  test('of a dead process are free again when they have ended', async () => {
    const pod = await openPod();
    const key = keyspace.slots.key({ key_id: 'k3' });
    for (let index = 0; index < 3; index += 1) await pod.acquire(request('k3'));
    const [member, endMs] = (await pod.valkey.bulk.call('ZRANGE', key, 0, 0, 'WITHSCORES')) as string[];
    expect(Number(endMs) - pod.valkey.serverTimeMs()).toBeGreaterThan(SLOT_MS - 20_000);
    await pod.valkey.bulk.call('ZADD', key, Math.floor(pod.valkey.serverTimeMs()) - 1, member ?? '');
    expect((await pod.acquire(request('k3'))).kind).toBe('held');
    expect((await pod.acquire(request('k3'))).kind).toBe('refused');
  });

  test('that Valkey has lost come back with their renewal, as far as there is room', async () => {
    const pod = await openPod();
    const slots = await Promise.all([1, 2, 3].map(() => pod.acquire(request('k4')).then(held)));
    await pod.valkey.bulk.call('DEL', keyspace.slots.key({ key_id: 'k4' }));
    expect((await pod.acquire(request('k4'))).kind).toBe('held');
    const renewed: boolean[] = [];
    for (const slot of slots) renewed.push(await slot.renew(3));
    expect(renewed).toEqual([true, true, false]);
  });

  test('are never refused by a dry run, which says so', async () => {
    const pod = await openPod();
    const answers: Slot[] = [];
    for (let index = 0; index < 5; index += 1) answers.push(held(await pod.acquire(request('k5', { dryRun: true }))));
    expect(answers.map(({ isOverLimit }) => isOverLimit)).toEqual([false, false, false, true, true]);
    expect(await answers[4]?.renew(3)).toBe(true);
  });
});

test('while Valkey hangs the policy decides, and what is held stays so', async () => {
  const pod = await openPod(50);
  const slot = held(await pod.acquire(request('k6', { limit: 4 })));
  server.hang();
  try {
    const ask = (onValkeyFailure: SlotRequest['onValkeyFailure']) =>
      pod.acquire(request('k6', { limit: 4, onValkeyFailure }));
    // The share of one of two processes is two, and one is held already.
    expect((await ask('LocalLimit')).kind).toBe('held');
    expect(await ask('LocalLimit')).toEqual({ kind: 'refused', limit: 'concurrency', used: 2 });
    expect(await ask('Deny')).toEqual({ kind: 'refused', limit: 'unavailable', used: 2 });
    expect((await ask('Allow')).kind).toBe('held');
    expect(await slot.renew(4)).toBe(true);
  } finally {
    server.resume();
  }
});
