/** The script on a real Valkey, step by step against its model: same replies, same hash, same time to live. */
import { systemClock } from '@weir/clock';
import { createValkey, defineScript, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { createTestTelemetry, silentLogger, startTestValkey, type TestValkey } from '@weir/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketLimit } from '../bucket-limit.ts';
import { decisionScript, decisionSource, readDecisionReply } from '../decision-script.ts';
import { createDecisionModel } from './decision-model.ts';

/** The last argument is the time. */
const GIVEN_TIME = `local now = tonumber(table.remove(ARGV))`;
const timedScript = defineScript('limiter-decide-timed', decisionSource(GIVEN_TIME, [bucketLimit]), 1);

let server: TestValkey;
let valkey: Valkey;

beforeAll(async () => {
  server = await startTestValkey();
  valkey = createValkey({
    target: parseValkeyUrl(server.url),
    clock: systemClock,
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

const policies = [
  { rate: 10_000, burst: 20 },
  { rate: 33_333, burst: 7 },
  { rate: 1, burst: 3 },
  { rate: 777_777, burst: 900 },
  { rate: 1_000_000_000, burst: 5_000_000 },
] as const;

const operation = fc.record({
  // Mostly one policy, so that a bucket lives under it for a while; changes are plans that change.
  policy: fc.oneof({ arbitrary: fc.constant(0), weight: 9 }, { arbitrary: fc.nat({ max: 4 }), weight: 1 }),
  passUs: fc.oneof(
    { arbitrary: fc.nat({ max: 400_000 }), weight: 8 },
    { arbitrary: fc.nat({ max: 20_000_000 }), weight: 1 },
    { arbitrary: fc.integer({ min: -2_000_000, max: -1 }), weight: 1 },
  ),
  cost: fc.constantFrom(1, 1, 1, 2, 5, 0),
  count: fc.nat({ max: 12 }),
  leases: fc.option(
    fc.record({
      holder: fc.constantFrom('a', 'b', 'c'),
      ahead: fc.nat({ max: 30 }),
      divisor: fc.integer({ min: 2, max: 12 }),
      leaseUs: fc.integer({ min: 20, max: 250 }).map((ms) => ms * 1_000),
      held: fc.nat({ max: 20 }),
      returned: fc.constantFrom(0, 0, 0, 3, 30),
      isRepeat: fc.constantFrom(false, false, false, true),
    }),
  ),
});

const world = fc.record({
  shift: fc.nat({ max: 4 }),
  operations: fc.array(operation, { minLength: 1, maxLength: 40 }),
});

let runs = 0;

describe('decision script', () => {
  it('does what its model does, to the microsecond', async () => {
    await fc.assert(
      fc.asyncProperty(world, async ({ shift, operations }) => {
        runs += 1;
        const key = `ratelimit:{conformance-${runs}}`;
        let nowUs = 1_900_000_000_123_456n;
        let calls = 0;
        const model = createDecisionModel(() => nowUs);
        for (const { policy, passUs, cost, count, leases } of operations) {
          nowUs += BigInt(passUs);
          const { rate, burst } = policies[(policy + shift) % policies.length] ?? policies[0];
          const args: (string | number)[] = [rate, burst, 300_000, cost, count];
          if (leases !== null) {
            if (!leases.isRepeat) calls += 1;
            const { holder, ahead, divisor, leaseUs, held, returned } = leases;
            args.push(ahead, divisor, leaseUs, holder, calls, held, returned);
          }
          const expected = model.run(key, args);
          const reply = await valkey.bulk.run(timedScript, [key], [...args, String(nowUs)]);
          expect(reply).toEqual(expected);
          const { tokens, ...hash } = await valkey.bulk.hgetall(key);
          if (hash['rest'] === '0') delete hash['rest'];
          // Lua may write a round number with an exponent.
          for (const name of ['tat', 'last_refill']) if (name in hash) hash[name] = String(Number(hash[name]));
          expect(hash).toEqual(model.hash(key));
          expect(tokens === undefined || Number(tokens) >= 0).toBe(true);
          const ttlMs = Number(await valkey.bulk.call('PTTL', key));
          const expectedTtlMs = model.ttlMs(key);
          if (expectedTtlMs === undefined) {
            expect(ttlMs).toBe(-2);
          } else {
            expect(ttlMs).toBeLessThanOrEqual(expectedTtlMs);
            expect(ttlMs).toBeGreaterThan(expectedTtlMs - 30_000);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('runs on server time, keeps an idle key for its retention and shows its level to people', async () => {
    const key = 'ratelimit:{shown}';
    const reply = readDecisionReply(await valkey.bulk.run(decisionScript, [key], [10_000, 20, 3_600_000, 1, 3]));
    expect(reply).toMatchObject({ refusedBy: 0, admitted: 3, granted: 0, level: 17, debtMs: 300, waitMs: 0 });
    const hash = await valkey.bulk.hgetall(key);
    expect(hash).toMatchObject({ rate: '10000', tokens: '17' });
    expect(Number(hash['tat']) - Number(hash['last_refill'])).toBe(300_000);
    expect(Math.abs(Number(hash['last_refill']) / 1_000 - valkey.serverTimeMs())).toBeLessThan(60_000);
    expect(Number(await valkey.bulk.call('PTTL', key))).toBeGreaterThan(3_500_000);
  });

  it('writes nothing at all when it refuses', async () => {
    const key = 'ratelimit:{refused}';
    await valkey.bulk.run(decisionScript, [key], [1, 2, 300_000, 1, 2]);
    const before = [await valkey.bulk.hgetall(key), await valkey.bulk.call('PEXPIRETIME', key)];
    const reply = readDecisionReply(await valkey.bulk.run(decisionScript, [key], [1, 2, 300_000, 1, 1]));
    expect(reply).toMatchObject({ refusedBy: 1, admitted: 0, level: 0 });
    expect(reply.waitMs).toBeGreaterThan(900_000);
    expect([await valkey.bulk.hgetall(key), await valkey.bulk.call('PEXPIRETIME', key)]).toEqual(before);
  });
});
