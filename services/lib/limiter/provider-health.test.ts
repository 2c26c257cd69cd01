import { createFakeClock } from '@weir/testing';
import { expect, test } from 'vitest';
import { createInfoCache, describeProviders } from './provider-health.ts';

test('INFO is read at most once in 10 s, however often it is asked for; what was read last stays', async () => {
  const clock = createFakeClock();
  const answers = ['used_memory:1000\r\nused_memory_rss:5\r\nconnected_clients:7\r\n', undefined];
  let calls = 0;
  const call = (): Promise<unknown> => {
    const answer = answers[calls];
    calls += 1;
    return answer === undefined ? Promise.reject(new Error('away')) : Promise.resolve(answer);
  };
  const info = createInfoCache({ call }, clock);
  expect(info.read()).toEqual({ usedMemory: 0, connectedClients: 0 });
  await clock.advance(9_999);
  expect(info.read()).toEqual({ usedMemory: 1_000, connectedClients: 7 });
  expect(calls).toBe(1);
  await clock.advance(1);
  info.read();
  await clock.advance(1);
  expect(info.read()).toEqual({ usedMemory: 1_000, connectedClients: 7 });
  expect(calls).toBe(2);
});

test('says local when one provider goes by the safe share, and which', () => {
  const gate = (provider: string, isLocal: boolean) => ({
    overview: () => ({ provider, type: 'Fixed' as const, isLocal, running: 1, queued: 2, done: 3 }),
  });
  const info = { usedMemory: 1, connectedClients: 2 };
  expect(describeProviders(true, info, [gate('kraken', false), gate('okx', true)])).toEqual({
    status: 'degraded',
    redis: { connected: true, enabled: true, usedMemory: 1, connectedClients: 2 },
    rateLimiting: {
      mode: 'local',
      local: { kraken: { running: 1, queued: 2, done: 3 }, okx: { running: 1, queued: 2, done: 3 } },
      distributed: { kraken: { type: 'Fixed', redis: true }, okx: { type: 'Fixed', redis: false } },
    },
  });
  expect(describeProviders(false, info, []).rateLimiting.mode).toBe('local');
});
