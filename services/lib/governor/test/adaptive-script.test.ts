/** The script on a real Valkey, step by step against its twin in TypeScript. */
import { createFakeClock, createTestTelemetry, silentLogger, startTestValkey, type TestValkey } from '@weir/testing';
import { createValkey, defineScript, parseValkeyUrl, type Valkey } from '@weir/valkey';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adaptiveKeys, adaptiveScript, adaptiveSource, readAdaptiveReply } from '../adaptive-script.ts';
import { CLUSTER_LAW } from '../shed-law.ts';
import { createTally } from '../tally.ts';

/** The last argument is the time. */
const timedScript = defineScript('governor-timed', adaptiveSource('local now = tonumber(ARGV[8])'), 5);

let server: TestValkey;
let valkey: Valkey;

beforeAll(async () => {
  server = await startTestValkey();
  valkey = createValkey({
    target: parseValkeyUrl(server.url),
    // It stands still: how long a busy machine takes to answer says nothing of the script, and nothing is given up for it.
    clock: createFakeClock(),
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
  });
  await valkey.ready();
});
afterAll(async () => {
  await valkey.close();
  await server.stop();
});

const operation = fc.record({
  passUs: fc.oneof(
    { arbitrary: fc.nat({ max: 400_000 }), weight: 8 },
    { arbitrary: fc.nat({ max: 6_000_000 }), weight: 3 },
    { arbitrary: fc.constantFrom(29_999_999, 30_000_000, 45_000_000), weight: 1 },
    { arbitrary: fc.constantFrom(-1, -3_000_000, -31_000_000), weight: 1 },
  ),
  total: fc.oneof(fc.constant(0), fc.nat({ max: 5 }), fc.nat({ max: 200 })),
  successShare: fc.constantFrom(0, 0.5, 0.89, 0.92, 0.96, 1),
  throttled: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 60 })),
  shed: fc.oneof(fc.constant(0), fc.nat({ max: 100 })),
  /** Whether what was told is of a state that is lost. */
  told: fc.constantFrom('none' as const, 'same' as const, 'same' as const, 'lost' as const),
  wantsProbe: fc.boolean(),
});

let runs = 0;

describe('governor script', () => {
  it('does what its twin does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 50 }), async (operations) => {
        runs += 1;
        const keys = adaptiveKeys(`lpo:conformance-${runs}`);
        const twin = createTally(CLUSTER_LAW);
        let nowUs = 1_900_000_000_123_456;
        let told = { epochMs: 0, shedMicro: 0 };
        for (const { passUs, total, successShare, throttled, shed, wantsProbe, told: how } of operations) {
          nowUs += passUs;
          const successes = Math.floor(total * successShare);
          const counts = { total, successes, throttled: Math.min(throttled, total - successes), asked: total + shed };
          if (how === 'none') told = { epochMs: 0, shedMicro: 0 };
          if (how === 'lost') told = { epochMs: 1, shedMicro: 300_000 };
          const { epochMs, shedMicro } = told;
          const what = [counts.total, counts.successes, counts.throttled, wantsProbe ? 1 : 0, counts.asked];
          const args = [...what, epochMs, shedMicro, String(nowUs)];
          const reading = readAdaptiveReply(await valkey.bulk.run(timedScript, keys, args));
          const expected = twin.step(nowUs, counts, wantsProbe, told);
          told = reading;
          // Two libraries of mathematics may differ in the last digit of a power.
          expect(Math.abs(reading.shedMicro - expected.shedMicro)).toBeLessThanOrEqual(1);
          expect({ ...reading, shedMicro: 0 }).toEqual({ ...expected, shedMicro: 0 });
          twin.adopt(reading.shedMicro, reading.isThrottled);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('runs on server time, shows its results to people and lets go of what nobody tells of any more', async () => {
    const keys = adaptiveKeys('lpo:shown');
    await valkey.bulk.run(adaptiveScript, keys, [20, 10, 4, 0, 20, 0, 0]);
    const reading = readAdaptiveReply(await valkey.bulk.run(adaptiveScript, keys, [20, 10, 4, 1, 20, 0, 0]));
    expect(reading).toMatchObject({ total: 40, successes: 20, isThrottled: true, hasProbe: true });
    expect(Math.abs(reading.nowUs / 1_000 - valkey.serverTimeMs())).toBeLessThan(60_000);
    const [ring = '', ...texts] = keys;
    expect(await valkey.bulk.call('MGET', ...texts)).toEqual(['20', '40', 'on', (reading.shedMicro / 1e6).toFixed(4)]);
    expect(await valkey.bulk.hgetall(ring)).toMatchObject({ n30: '40', s30: '20', h30: '8', n10: '40', flag: '1' });
    for (const key of keys) {
      const ttlMs = Number(await valkey.bulk.call('PTTL', key));
      expect(ttlMs > 30_000 && ttlMs <= 60_000).toBe(true);
    }
  });

  it('grants a probe to one process of several that ask at once', async () => {
    const keys = adaptiveKeys('lpo:probed');
    await valkey.bulk.run(adaptiveScript, keys, [100, 0, 0, 0, 100, 0, 0]);
    const asks = Array.from({ length: 5 }, () => valkey.bulk.run(adaptiveScript, keys, [0, 0, 0, 1, 0, 0, 0]));
    const granted = (await Promise.all(asks)).filter((reply) => readAdaptiveReply(reply).hasProbe);
    expect(granted).toHaveLength(1);
  });
});
