import { createTestTelemetry, startProxy, startTestValkey, waitFor, type Proxy, type TestValkey } from '@weir/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Valkey, ValkeyOptions } from '../index.ts';
import { connectTo, nextTurn, outcomeOf, PATIENT, stallLoop } from './connect.ts';

let server: TestValkey;
let proxy: Proxy;
/** Past the proxy, to see what the server has really done. */
let direct: Valkey;
const open: Valkey[] = [];

beforeEach(async () => {
  server = await startTestValkey();
  proxy = await startProxy(server);
  direct = connectTo(server);
  open.push(direct);
  await direct.ready();
});

afterEach(async () => {
  server.resume();
  await Promise.all(open.splice(0).map((valkey) => valkey.close()));
  await proxy.stop();
  await server.stop();
});

async function connectThroughProxy(options: Partial<ValkeyOptions> = {}): Promise<Valkey> {
  const valkey = connectTo(proxy, options);
  open.push(valkey);
  await valkey.ready();
  return valkey;
}

const count = async (): Promise<number> => Number(await direct.bulk.get('count'));

describe('no command is sent twice, or later', () => {
  test('calls whose answers are lost have each been executed once, whatever happens to the connection then', async () => {
    const valkey = await connectThroughProxy({ deadlines: { decideMs: 300, bulkMs: 300 } });
    proxy.dropReplies(true);
    const calls = Array.from({ length: 100 }, () => outcomeOf(valkey.decide.call('INCR', 'count')));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['VALKEY_TIMEOUT']));
    proxy.dropReplies(false);
    proxy.cut();
    await waitFor(() => valkey.decide.health === 'closed');
    await valkey.decide.call('PING');
    expect(await count()).toBe(100);
  });

  test('calls in flight when a connection is cut are rejected at once and not repeated', async () => {
    const valkey = await connectThroughProxy();
    proxy.dropReplies(true);
    const calls = Array.from({ length: 50 }, () => outcomeOf(valkey.decide.call('INCR', 'count')));
    await waitFor(async () => (await count()) === 50);
    proxy.cut();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['VALKEY_UNAVAILABLE']));
    proxy.dropReplies(false);
    await waitFor(() => valkey.decide.health === 'closed');
    expect(await valkey.decide.call('INCR', 'count')).toBe(51);
  });

  test('under cuts at any moment, the server has executed every answered call once and no call twice', async () => {
    const valkey = await connectThroughProxy();
    let sent = 0;
    let answered = 0;
    const over = new AbortController();
    const callers = Array.from({ length: 8 }, async () => {
      while (!over.signal.aborted) {
        sent += 1;
        if ((await outcomeOf(valkey.decide.call('INCR', 'count'))) === 'ok') answered += 1;
        await nextTurn();
      }
    });
    for (let cuts = 0; cuts < 10; cuts += 1) {
      const before = answered;
      await waitFor(() => answered > before + 20);
      proxy.cut();
    }
    over.abort();
    await Promise.all(callers);
    expect(await count()).toBeGreaterThanOrEqual(answered);
    expect(await count()).toBeLessThanOrEqual(sent);
  });

  test('without a connection a call is refused at once, and is not sent when there is one again', async () => {
    const valkey = await connectThroughProxy();
    proxy.refuse(true);
    proxy.cut();
    await waitFor(() => valkey.decide.health === 'open');
    const outcomes = await Promise.all([1, 2, 3].map(() => outcomeOf(valkey.decide.call('INCR', 'count'))));
    expect(outcomes).toEqual(['VALKEY_UNAVAILABLE', 'VALKEY_UNAVAILABLE', 'VALKEY_UNAVAILABLE']);
    expect(valkey.status()).toEqual({ connected: false, lastPingMs: undefined });
    proxy.refuse(false);
    await waitFor(() => valkey.decide.health === 'closed');
    await valkey.decide.call('PING');
    expect(await count()).toBe(0);
  });
});

describe('a server that does not answer', () => {
  test('hung: one time-out, then refusals without waiting, then service again without a restart', async () => {
    const valkey = await connectThroughProxy({ deadlines: { decideMs: 200, bulkMs: 200 } });
    server.hang();
    const startedMs = performance.now();
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('VALKEY_TIMEOUT');
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(199);

    const calls = Array.from({ length: 1_000 }, () => outcomeOf(valkey.decide.get('a')));
    // Answered without an event of the loop in between: nobody waits for anything.
    const outcomes = await Promise.race([Promise.all(calls), nextTurn()]);
    expect(new Set(outcomes ?? [])).toEqual(new Set(['VALKEY_UNAVAILABLE']));

    server.resume();
    await waitFor(() => valkey.decide.health === 'closed');
    expect(await waitFor(async () => (await outcomeOf(valkey.decide.get('a'))) === 'ok')).toBe(true);
  });

  test('hung until its connections are given up: still service again without a restart', async () => {
    const valkey = await connectThroughProxy();
    server.hang();
    await waitFor(() => valkey.decide.health === 'open', 20_000);
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('VALKEY_UNAVAILABLE');
    server.resume();
    await waitFor(async () => (await outcomeOf(valkey.decide.get('a'))) === 'ok');
    await waitFor(async () => (await outcomeOf(valkey.bulk.get('a'))) === 'ok');
  });

  test('slow for as long as it lasts: the breaker stays open, asks by probes alone, and closes when it is fast', async () => {
    const telemetry = createTestTelemetry();
    const valkey = await connectThroughProxy({ telemetry, deadlines: { decideMs: 300, bulkMs: 5_000 } });
    proxy.delayReplies(1_000);
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('VALKEY_TIMEOUT');
    await waitFor(() => valkey.decide.health === 'half-open');
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('VALKEY_UNAVAILABLE');
    await waitFor(() => valkey.decide.health === 'open');
    // Bulk has a deadline of its own, and a breaker of its own.
    expect(await outcomeOf(valkey.bulk.get('a'))).toBe('ok');
    expect(await telemetry.scrape()).toMatch(/weir_valkey_breaker\{[^}]*client="decide"[^}]*\} [12]/);
    proxy.delayReplies(0);
    await waitFor(() => valkey.decide.health === 'closed');
    expect(await telemetry.scrape()).toMatch(/weir_valkey_breaker\{[^}]*client="decide"[^}]*\} 0/);
  });

  test('a network that forgets a connection: another one is made', async () => {
    const valkey = await connectThroughProxy();
    proxy.silence();
    const { accepted } = proxy;
    await waitFor(() => proxy.accepted >= accepted + 3, 20_000);
    await waitFor(() => valkey.decide.health === 'closed' && valkey.bulk.health === 'closed');
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('ok');
  });

  test('a stalled network in front of a new connection: another attempt is made', async () => {
    proxy.stall(true);
    const valkey = connectTo(proxy);
    open.push(valkey);
    await waitFor(() => proxy.accepted > 3, 20_000);
    proxy.stall(false);
    await valkey.ready();
    expect(await outcomeOf(valkey.decide.get('a'))).toBe('ok');
  });

  test('five answers in a row that say "not now" open the breaker, and the end of it closes it', async () => {
    await direct.bulk.call('CONFIG', 'SET', 'busy-reply-threshold', 10);
    const valkey = await connectThroughProxy();
    // Runs until it is killed.
    const endless = outcomeOf(direct.bulk.call('EVAL', 'while true do end', 0));
    await waitFor(async () => (await outcomeOf(valkey.decide.get('a'))) === 'VALKEY_UNAVAILABLE');
    for (let calls = 0; calls < 4; calls += 1) await outcomeOf(valkey.decide.get('a'));
    expect(valkey.decide.health).not.toBe('closed');
    await direct.decide.call('SCRIPT', 'KILL');
    await endless;
    await waitFor(async () => (await outcomeOf(valkey.decide.get('a'))) === 'ok');
  });
});

describe('our own event loop', () => {
  test('a stall of several deadlines neither times a call out nor opens the breaker', async () => {
    const telemetry = createTestTelemetry();
    const valkey = await connectThroughProxy({ telemetry, deadlines: { decideMs: 50, bulkMs: 5_000 } });
    for (let stalls = 0; stalls < 5; stalls += 1) {
      const calls = Array.from({ length: 20 }, () => outcomeOf(valkey.decide.get('a')));
      // The calls go out at the end of this turn.
      await nextTurn();
      stallLoop(200);
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['ok']));
    }
    expect(valkey.decide.health).toBe('closed');
    expect(await telemetry.scrape()).toMatch(/weir_valkey_failures_total\{[^}]*client="decide"[^}]*timeout[^}]*\} 0/);
  });

  test('a stall between a call and the end of its turn is not taken from its deadline', async () => {
    const valkey = await connectThroughProxy({ deadlines: { decideMs: 1_000, bulkMs: 1_000 } });
    const call = outcomeOf(valkey.decide.get('a'));
    stallLoop(1_500);
    expect(await call).toBe('ok');
    expect(valkey.decide.health).toBe('closed');
  });

  test('a server that hangs while our loop stalls now and then still opens the breaker', async () => {
    const valkey = await connectThroughProxy({ deadlines: { decideMs: 50, bulkMs: 5_000 } });
    server.hang();
    const call = outcomeOf(valkey.decide.get('a'));
    await nextTurn();
    stallLoop(200);
    expect(await call).toBe('VALKEY_TIMEOUT');
    expect(valkey.decide.health).not.toBe('closed');
  });
});

describe('another server behind the address', () => {
  test('is told before any call reaches it; a mere reconnection is not', async () => {
    const valkey = await connectThroughProxy();
    const told: string[] = [];
    const stop = valkey.decide.onFailover(() => told.push(valkey.decide.health));
    proxy.cut();
    await waitFor(() => valkey.decide.health === 'open');
    await waitFor(() => valkey.decide.health === 'closed');
    expect(told).toEqual([]);

    const { port } = server;
    await server.stop();
    server = await startTestValkey({ port });
    await waitFor(async () => (await outcomeOf(valkey.decide.get('a'))) === 'ok');
    expect(told).toEqual(['open']);
    stop();
  });

  test('a replica refuses writes, and the client looks for the primary again', async () => {
    const valkey = await connectThroughProxy();
    // Nothing answers there, so it stays a replica without a primary.
    await direct.bulk.call('REPLICAOF', '127.0.0.1', 1);
    const { accepted } = proxy;
    expect(await outcomeOf(valkey.decide.call('INCR', 'count'))).toBe('VALKEY_UNAVAILABLE');
    await waitFor(() => proxy.accepted > accepted);
    await direct.bulk.call('REPLICAOF', 'NO', 'ONE');
    await waitFor(async () => (await outcomeOf(valkey.decide.call('INCR', 'count'))) === 'ok');
    expect(await count()).toBe(1);
  });
});

test('the deadlines of the two clients are 50 ms and 1 s unless told otherwise', async () => {
  const valkey = connectTo(proxy, { deadlines: {} });
  open.push(valkey);
  await valkey.ready();
  proxy.stall(true);
  const durations = [valkey.decide, valkey.bulk].map(async (client) => {
    const startedMs = performance.now();
    await outcomeOf(client.get('a'));
    return performance.now() - startedMs;
  });
  const [decideMs = 0, bulkMs = 0] = await Promise.all(durations);
  expect(decideMs).toBeGreaterThanOrEqual(49);
  expect(bulkMs).toBeGreaterThanOrEqual(999);
  expect(bulkMs).toBeLessThan(PATIENT.bulkMs);
});
