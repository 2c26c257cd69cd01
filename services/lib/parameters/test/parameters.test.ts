/** On a real Valkey: a change arrives by the channel, by the poll, and after Valkey was away. */
import { systemClock } from '@weir/clock';
import {
  createFakeClock,
  createTestTelemetry,
  silentLogger,
  startTestValkey,
  waitFor,
  type TestValkey,
} from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { followParameters } from '../index.ts';

let server: TestValkey;
let valkey: Valkey;

beforeAll(async () => {
  server = await startTestValkey();
});
beforeEach(async () => {
  valkey = createValkey({
    target: parseValkeyUrl(server.url),
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
    deadlines: { bulkMs: 5_000 },
  });
  await valkey.ready();
});
afterEach(async () => {
  await valkey.bulk.call('DEL', 'app:config');
  await valkey.close();
});
afterAll(() => server.stop());

const set = (name: string, value: string) => valkey.bulk.call('HSET', 'app:config', name, value);

test('knows what was set before, and follows the channel', async () => {
  await set('adaptive_max_concurrent', '8');
  // A clock that stands still: no poll.
  const parameters = followParameters({ valkey, clock: createFakeClock(), logger: silentLogger });
  expect(parameters.get('adaptive_max_concurrent')).toBeUndefined();
  await waitFor(() => parameters.get('adaptive_max_concurrent') === '8');
  await set('adaptive_max_concurrent', '9');
  await waitFor(async () => {
    // Nobody hears what is said before the subscription is up.
    await valkey.bulk.call('PUBLISH', 'config:updates', 'adaptive_max_concurrent');
    return parameters.get('adaptive_max_concurrent') === '9';
  });
  await valkey.bulk.call('HDEL', 'app:config', 'adaptive_max_concurrent');
  await valkey.bulk.call('PUBLISH', 'config:updates', 'adaptive_max_concurrent');
  await waitFor(() => parameters.get('adaptive_max_concurrent') === undefined);
  await parameters.close();
});

test('finds a change that nobody announced within 10 s, and keeps the last values while Valkey is away', async () => {
  const clock = createFakeClock();
  let reads = 0;
  let isAway = false;
  const bulk = {
    async hgetall(key: string) {
      reads += 1;
      if (isAway) throw new Error('away');
      return valkey.bulk.hgetall(key);
    },
  };
  const subscribe = () => ({ close: () => Promise.resolve() });
  const parameters = followParameters({ valkey: { bulk, subscribe }, clock, logger: silentLogger });
  await set('adaptive_max_concurrent', '8');
  await clock.advance(9_999);
  expect(reads).toBe(1);
  await clock.advance(1);
  expect(reads).toBe(2);
  await waitFor(() => parameters.get('adaptive_max_concurrent') === '8');
  isAway = true;
  await set('adaptive_max_concurrent', '9');
  await clock.advance(10_000);
  expect([reads, parameters.get('adaptive_max_concurrent')]).toEqual([3, '8']);
  isAway = false;
  await clock.advance(10_000);
  await waitFor(() => parameters.get('adaptive_max_concurrent') === '9');
  await parameters.close();
  expect(clock.pendingTimers).toBe(0);
});
