/** Provider quotas on a real Valkey: ten workers under one quota, what redis-cli reads, resets, blocks, and an outage. */
import { setImmediate, setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '@weir/clock';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createProviderQuotas, type ProviderQuota, type ProviderQuotas } from '../index.ts';

interface Worker {
  readonly valkey: Valkey;
  readonly quotas: ProviderQuotas;
}

/** For what is exact only while Valkey answers in time, which a busy test machine may not manage. */
const PATIENT_MS = 20_000;
const KEY = 'ratelimit:kraken:global';

let server: TestValkey;
const workers: Worker[] = [];
const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
/** Longest that a call took: by so much admissions may bunch here that did not at the server. */
let slowestMs = 0;

beforeAll(async () => {
  server = await startTestValkey();
});
afterEach(async () => {
  for (const { valkey, quotas } of workers) {
    await quotas.close();
    await valkey.bulk.call('FLUSHALL');
    await valkey.close();
  }
  workers.length = 0;
});
afterAll(() => server.stop());

async function startWorkers(count: number, quota: ProviderQuota, decideMs = PATIENT_MS): Promise<Worker[]> {
  slowestMs = 0;
  for (let i = 0; i < count; i += 1) {
    const target = parseValkeyUrl(server.url);
    const valkey = createValkey({ ...shared, target, clientName: `test-${i}`, deadlines: { decideMs } });
    await valkey.ready();
    const quotas = createProviderQuotas({ ...shared, valkey: timed(valkey), livePods: () => count });
    quotas.configure('kraken', quota);
    workers.push({ valkey, quotas });
  }
  return workers;
}

function timed(valkey: Valkey): Valkey {
  const { decide } = valkey;
  const run: typeof decide.run = async (...args) => {
    const startMs = systemClock.monotonicMs();
    try {
      return await decide.run(...args);
    } finally {
      slowestMs = Math.max(slowestMs, systemClock.monotonicMs() - startMs);
    }
  };
  const proxied = {
    run,
    call: decide.call.bind(decide),
    get health() {
      return decide.health;
    },
    onFailover: decide.onFailover.bind(decide),
  };
  return { ...valkey, decide: proxied as unknown as Valkey['decide'] };
}

/** Every worker asks without end, with several callers that wait; answers when each point was admitted. */
async function saturate(forMs: number, callers = 4) {
  const times: number[] = [];
  const starved = watchStarvation();
  const startMs = systemClock.monotonicMs();
  const endMs = startMs + forMs;
  const caller = async ({ quotas }: Worker): Promise<void> => {
    for (let nowMs = startMs; nowMs < endMs; nowMs = systemClock.monotonicMs()) {
      const got = await quotas.tryConsume('kraken', 'global', 1, { waitMsMax: endMs - nowMs });
      if (got.admitted) {
        times.push(systemClock.monotonicMs());
        got.done();
      } else {
        await pause(Math.min(got.retryAfterMs, 50));
      }
      await setImmediate();
    }
  };
  await Promise.all(workers.flatMap((worker) => Array.from({ length: callers }, () => caller(worker))));
  const lostMs = await starved.end();
  return { times: times.toSorted((a, b) => a - b), startMs, lostMs };
}

/** With a core each, a turn of this process and one of the server together take less. */
const TURN_MS_MAX = 20;

/** Adds up how long nothing could be asked for, because this process or the server was off its core. */
function watchStarvation(): { end(): Promise<number> } {
  const over = new AbortController();
  const watch = async (): Promise<number> => {
    let lostMs = 0;
    let answeredMs = systemClock.monotonicMs();
    while (!over.signal.aborted) {
      await workers[0]?.valkey.bulk.call('PING').catch(() => {});
      const nowMs = systemClock.monotonicMs();
      lostMs += Math.max(0, nowMs - answeredMs - TURN_MS_MAX);
      answeredMs = nowMs;
    }
    return lostMs;
  };
  const watching = watch();
  return {
    end() {
      over.abort();
      return watching;
    },
  };
}

/** The most that any span of so long contains, wherever it begins. */
function mostIn(times: readonly number[], spanMs: number): number {
  let from = 0;
  let most = 0;
  for (const [index, time] of times.entries()) {
    while (time - (times[from] ?? 0) >= spanMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

describe('ten workers under one quota', () => {
  it.each([
    { points: 200, durationMs: 2_000 },
    { points: 2_000, durationMs: 2_000 },
    { points: 7, durationMs: 2_000 },
  ])(
    'Smooth, $points in 2 s: no span of 2 s has more, and 0.95 of what is allowed is used',
    async (given) => {
      await startWorkers(10, { ...given, window: 'Smooth' });
      const forMs = 6_000;
      const { times, lostMs } = await saturate(forMs);
      const burst = Math.max(1, Math.floor(given.points / 10));
      const perMs = (given.points - burst) / 2_100;
      // Calls that took longer than 100 ms, on a busy machine, bunch what the server had apart.
      const bunchedMs = Math.max(0, slowestMs - 100);
      expect(mostIn(times, given.durationMs)).toBeLessThanOrEqual(given.points + Math.ceil(perMs * bunchedMs));
      expect(times.length).toBeGreaterThanOrEqual(
        Math.floor((burst + perMs * (forMs - slowestMs - lostMs)) * 0.95) - 1,
      );
    },
    30_000,
  );

  it('Fixed, 300 in 2 s: each window has no more, and at least 0.95 of it is used', async () => {
    await startWorkers(10, { points: 300, durationMs: 2_000, window: 'Fixed' });
    const { times, startMs } = await saturate(5_900);
    const [first = startMs] = times;
    // Windows follow one another as soon as somebody asks, and there is always somebody.
    const gaps = times.flatMap((time, index) => (time - (times[index - 1] ?? first) > 1_000 ? [time] : []));
    const starts = [first, ...gaps];
    const counts = starts.map(
      (start, index) =>
        times.filter((time) => time >= start && time < (starts[index + 1] ?? Number.POSITIVE_INFINITY)).length,
    );
    expect(Math.max(...counts)).toBeLessThanOrEqual(300);
    expect(counts.length).toBeGreaterThanOrEqual(2);
    // The last one may have just begun.
    expect(Math.min(...counts.slice(0, -1))).toBeGreaterThanOrEqual(285);
  }, 30_000);
});

describe('who gets points', () => {
  const hour = { points: 100, durationMs: 3_600_000, window: 'Smooth' } as const;

  it('background leaves a fifth of the burst to interactive', async () => {
    const [worker] = await startWorkers(1, hour);
    if (worker === undefined) throw new Error('no worker');
    const ask = (requestClass: 'background' | 'interactive') =>
      worker.quotas.tryConsume('kraken', 'global', 1, { class: requestClass });
    const admitted = { background: 0, interactive: 0 };
    for (const requestClass of ['background', 'interactive'] as const) {
      while ((await ask(requestClass)).admitted) admitted[requestClass] += 1;
    }
    expect(admitted).toEqual({ background: 8, interactive: 2 });
  });

  it('who will not wait so long hears at once when to come again; who will, waits; what is too much never comes', async () => {
    const [worker] = await startWorkers(1, { points: 100, durationMs: 10_000, window: 'Smooth' });
    if (worker === undefined) throw new Error('no worker');
    const { quotas } = worker;
    expect(await quotas.tryConsume('kraken', 'global', 10)).toMatchObject({ admitted: true });
    const refused = await quotas.tryConsume('kraken', 'global', 10, { waitMsMax: 500 });
    expect(refused).toMatchObject({ admitted: false, basis: 'cluster' });
    const retryAfterMs = refused.admitted ? 0 : refused.retryAfterMs;
    expect(retryAfterMs).toBeGreaterThan(500);
    expect(retryAfterMs).toBeLessThanOrEqual(1_167);
    const waiting = quotas.tryConsume('kraken', 'global', 10, { waitMsMax: 20_000 });
    expect(quotas.health().rateLimiting.local['kraken']).toMatchObject({ queued: 1 });
    expect(await waiting).toMatchObject({ admitted: true });
    expect(await quotas.tryConsume('kraken', 'global', 11, { waitMsMax: 20_000 })).toMatchObject({
      admitted: false,
      retryAfterMs: 10_000,
    });
  });

  it('the lowest of several quotas holds for all, and what is named goes before the default', async () => {
    const [low, high] = await startWorkers(2, hour);
    if (low === undefined || high === undefined) throw new Error('no workers');
    high.quotas.configure('kraken', { ...hour, points: 1_000 });
    expect(await low.quotas.tryConsume('kraken', 'global', 1)).toMatchObject({ admitted: true });
    expect(await high.quotas.tryConsume('kraken', 'global', 11)).toMatchObject({ admitted: false });
    expect(await high.quotas.tryConsume('kraken', 'global', 9)).toMatchObject({ admitted: true });
    expect(await high.quotas.tryConsume('kraken', 'global', 1)).toMatchObject({ admitted: false });
    expect(await low.quotas.tryConsume('okx', 'global', 4_000)).toMatchObject({ admitted: true });
    high.quotas.configure('okx', { ...hour, points: 10_000_000 });
    expect(await high.quotas.tryConsume('okx', 'global', 100_000)).toMatchObject({ admitted: true });
  });

  it('a process that stops hands its lease back and refuses whoever waits', async () => {
    const [worker] = await startWorkers(1, hour);
    if (worker === undefined) throw new Error('no worker');
    expect(await worker.quotas.tryConsume('kraken', 'global', 10)).toMatchObject({ admitted: true });
    const waiting = worker.quotas.tryConsume('kraken', 'global', 1, { waitMsMax: 3_600_000 });
    await worker.quotas.close();
    expect(await waiting).toMatchObject({ admitted: false });
    expect(await worker.quotas.tryConsume('kraken', 'global', 1)).toMatchObject({ admitted: false });
  });
});

describe('what an operator sees and does', () => {
  it('HGETALL shows points and expire, TTL is twice the window, DEL gives the whole quota back', async () => {
    const [worker] = await startWorkers(1, { points: 100, durationMs: 60_000, window: 'Smooth' });
    if (worker === undefined) throw new Error('no worker');
    const { valkey, quotas } = worker;
    for (let i = 0; i < 10; i += 1)
      expect(await quotas.tryConsume('kraken', 'global', 1)).toMatchObject({ admitted: true });
    expect(await quotas.tryConsume('kraken', 'global', 1)).toMatchObject({ admitted: false, basis: 'cluster' });
    const fields = await valkey.bulk.hgetall(KEY);
    expect(fields).toMatchObject({ points: '0', type: 'Smooth', limit: '100', window: '60000' });
    expect(Number(fields['expire']) - valkey.serverTimeMs()).toBeGreaterThan(4_000);
    expect(Number(await valkey.bulk.call('TTL', KEY))).toBeGreaterThan(100);
    await valkey.bulk.call('DEL', KEY);
    await waitFor(async () => (await quotas.tryConsume('kraken', 'global', 1)).admitted);
    expect((await valkey.bulk.hgetall(KEY))['points']).toBe('9');
    await quotas.reset('kraken');
    expect(await quotas.tryConsume('kraken', 'global', 10)).toMatchObject({ admitted: true });
  });

  it('a 429 that one worker was told keeps all others off, and the hash says until when', async () => {
    const [first, second] = await startWorkers(2, { points: 1_000, durationMs: 60_000, window: 'Smooth' });
    if (first === undefined || second === undefined) throw new Error('no workers');
    // Longer than it is believed: an hour at most.
    await first.quotas.block('kraken', 7_200_000);
    const refused = await second.quotas.tryConsume('kraken', 'global', 1);
    expect(refused).toMatchObject({ admitted: false, basis: 'cluster' });
    expect(refused.admitted ? 0 : refused.retryAfterMs).toBeGreaterThan(3_500_000);
    const { blocked_until: until } = await first.valkey.bulk.hgetall(KEY);
    const leftMs = Number(until) - first.valkey.serverTimeMs();
    expect(leftMs).toBeGreaterThan(3_500_000);
    expect(leftMs).toBeLessThanOrEqual(3_600_001);
    expect(Number(await first.valkey.bulk.call('PTTL', KEY))).toBeGreaterThan(3_500_000);
    await first.valkey.bulk.call('DEL', KEY);
    await waitFor(async () => (await second.quotas.tryConsume('kraken', 'global', 1)).admitted);
  });

  it('says how it stands in the documented form, with what Valkey says of its memory', async () => {
    const [worker] = await startWorkers(1, { points: 100, durationMs: 60_000, window: 'Fixed' });
    if (worker === undefined) throw new Error('no worker');
    const running = await worker.quotas.tryConsume('kraken', 'global', 1);
    const ended = await worker.quotas.tryConsume('kraken', 'global', 1);
    if (running.admitted && ended.admitted) ended.done();
    await waitFor(() => worker.quotas.health().redis.usedMemory > 0);
    expect(worker.quotas.health()).toEqual({
      status: 'ok',
      redis: {
        connected: true,
        enabled: true,
        usedMemory: expect.any(Number),
        connectedClients: expect.any(Number),
      },
      rateLimiting: {
        mode: 'distributed',
        local: { kraken: { running: 1, queued: 0, done: 1 } },
        distributed: { kraken: { type: 'Fixed', redis: true } },
      },
    });
  });
});

it('hung: refuses without waiting for it, says local, and shares again when it answers', async () => {
  const [worker] = await startWorkers(1, { points: 600, durationMs: 60_000, window: 'Smooth' }, 50);
  if (worker === undefined) throw new Error('no worker');
  const { quotas } = worker;
  const ask = () => quotas.tryConsume('kraken', 'global', 1);
  await waitFor(async () => (await ask()).basis === 'cluster');
  server.hang();
  try {
    await waitFor(async () => (await ask()).basis === 'local');
    expect(quotas.health()).toMatchObject({
      status: 'degraded',
      rateLimiting: { mode: 'local', distributed: { kraken: { redis: false } } },
    });
    await waitFor(async () => (await ask()).admitted);
  } finally {
    server.resume();
  }
  await waitFor(async () => {
    const { admitted, basis } = await ask();
    return admitted && basis === 'cluster';
  });
  expect(quotas.health().rateLimiting.mode).toBe('distributed');
});
