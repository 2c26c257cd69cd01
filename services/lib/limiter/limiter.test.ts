import { createLogger } from '@weir/telemetry';
import { createFakeClock, createTestTelemetry, type FakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import type { DecideRequest, Decision } from './decision.ts';
import { createKeyTable } from './key-table.ts';
import { createLimiterOver, type Limiter } from './limiter.ts';
import type { ModelFaults } from './test/decision-model.ts';
import { createModelValkey } from './test/model-valkey.ts';
import { createSimulation, worstExcess } from './test/simulation.ts';

interface Rig {
  readonly clock: FakeClock;
  readonly valkey: ReturnType<typeof createModelValkey>;
  readonly limiter: Limiter;
  decide(over?: Partial<DecideRequest>): Decision | Promise<Decision>;
  ask(over?: Partial<DecideRequest>): Promise<Decision>;
  /** A key that is asked for steadily, so that this pod leases it. */
  warmUp(over?: Partial<DecideRequest>): Promise<void>;
  metrics(): Promise<string>;
  /** Lines that were logged as errors. */
  readonly errors: readonly string[];
  pods: number;
}

const HOT = { ratePerSecond: 1_000, burst: 1_000 } as const;
const base: DecideRequest = {
  keyId: 'key',
  bucket: HOT,
  cost: 1,
  onValkeyFailure: 'Allow',
  dryRun: false,
};

function createRig(): Rig {
  const clock = createFakeClock();
  const valkey = createModelValkey(clock);
  const telemetry = createTestTelemetry();
  const errors: string[] = [];
  const rig: Rig = {
    errors,
    pods: 1,
    clock,
    valkey,
    limiter: createLimiterOver(createKeyTable(1_000), {
      valkey,
      clock,
      telemetry,
      logger: createLogger({
        service: 'test',
        level: 'error',
        destination: { write: (line) => void errors.push(line) },
      }),
      livePods: () => rig.pods,
      random: () => 0.5,
    }),
    decide: (over = {}) => rig.limiter.decide({ ...base, ...over }),
    ask: async (over) => rig.decide(over),
    async warmUp(over = {}) {
      for (let i = 0; i < 60; i += 1) {
        await rig.decide(over);
        await clock.advance(10);
      }
    },
    metrics: () => telemetry.scrape(),
  };
  return rig;
}

const isSynchronous = (decision: Decision | Promise<Decision>): decision is Decision => !(decision instanceof Promise);

describe('leasing', () => {
  it('answers a steadily used key at once from its lease, with few calls', async () => {
    const rig = createRig();
    await rig.warmUp();
    const callsBefore = rig.valkey.calls.length;
    let atOnce = 0;
    for (let i = 0; i < 200; i += 1) {
      const decision = rig.decide();
      if (isSynchronous(decision) && decision.admitted && decision.basis === 'lease') atOnce += 1;
      await decision;
      await rig.clock.advance(5);
    }
    expect(atOnce).toBe(200);
    expect(rig.valkey.calls.length - callsBefore).toBeLessThanOrEqual(20);
  });

  it('asks for one refill when a quarter is left, and goes on answering meanwhile', async () => {
    const rig = createRig();
    await rig.warmUp();
    rig.valkey.hold();
    const callsBefore = rig.valkey.calls.length;
    const decisions = Array.from({ length: 6 }, () => rig.decide());
    expect(decisions.filter(isSynchronous)).toHaveLength(6);
    expect(rig.valkey.calls.length - callsBefore).toBe(1);
  });

  it('never leases a key that this pod sees less than ten times a second', async () => {
    const rig = createRig();
    for (let i = 0; i < 40; i += 1) {
      const decision = rig.decide();
      expect(isSynchronous(decision)).toBe(false);
      expect(await decision).toMatchObject({ admitted: true, basis: 'valkey' });
      await rig.clock.advance(125);
    }
    expect(rig.valkey.calls.every(({ args }) => args.length === 5)).toBe(true);
  });

  it('spends nothing of a lease after its end, even if the process was halted between receiving and spending', async () => {
    const rig = createRig();
    await rig.warmUp();
    rig.valkey.hold();
    expect(isSynchronous(rig.decide())).toBe(true);
    await rig.clock.advance(250);
    expect(isSynchronous(rig.decide())).toBe(false);
  });

  it('counts the life of a lease from before it asked, not from the answer', async () => {
    const rig = createRig();
    await rig.warmUp();
    await rig.clock.advance(300);
    rig.valkey.hold();
    const first = rig.decide();
    await rig.clock.advance(200);
    await rig.valkey.calls.at(-1)?.answer();
    expect(await first).toMatchObject({ admitted: true });
    expect(isSynchronous(rig.decide())).toBe(true);
    await rig.clock.advance(45);
    expect(isSynchronous(rig.decide())).toBe(false);
  });

  it('hands unspent tokens back when it closes, and leases no more', async () => {
    const rig = createRig();
    await rig.warmUp();
    const key = 'ratelimit:{key}';
    const liability = rig.valkey.model.liability(key);
    const level = rig.valkey.model.level(key, HOT.burst);
    expect(liability).toBeGreaterThan(0);
    await rig.limiter.close();
    expect(rig.valkey.model.liability(key)).toBe(0);
    expect(rig.valkey.model.level(key, HOT.burst)).toBeGreaterThan(level);
    expect(rig.valkey.listeners()).toBe(0);
    await rig.decide();
    expect(rig.valkey.calls.at(-1)?.args).toHaveLength(5);
  });

  it('lets go of tokens that Valkey knows nothing of any more', async () => {
    const rig = createRig();
    await rig.warmUp();
    rig.valkey.model.clear();
    rig.valkey.hold();
    const callsBefore = rig.valkey.calls.length;
    while (rig.valkey.calls.length === callsBefore) await rig.decide();
    await rig.valkey.calls.at(-1)?.answer();
    let spent = 0;
    while (isSynchronous(rig.decide())) spent += 1;
    expect(spent).toBe(rig.valkey.model.liability('ratelimit:{key}'));
  });

  it('keeps the retention that the requests ask for in its refills too', async () => {
    const rig = createRig();
    await rig.warmUp({ retentionMs: 3_600_000 });
    expect(rig.valkey.calls.some(({ args }) => args[4] === 0)).toBe(true);
    expect(new Set(rig.valkey.calls.map(({ args }) => args[2]))).toEqual(new Set([3_600_000]));
  });

  it('takes a smaller share when there are more pods', async () => {
    const rig = createRig();
    rig.pods = 1;
    await rig.warmUp();
    const divisors = (): unknown[] => rig.valkey.calls.filter(({ args }) => args.length > 5).map(({ args }) => args[6]);
    expect(new Set(divisors())).toEqual(new Set([2]));
    rig.pods = 5;
    await rig.warmUp();
    expect(divisors().at(-1)).toBe(10);
  });
});

describe('refusing', () => {
  const scarce = { bucket: { ratePerSecond: 2, burst: 3 } };

  it('answers a refusal that still holds at once, until the instant it named', async () => {
    const rig = createRig();
    const first = await Promise.all(Array.from({ length: 5 }, () => rig.ask(scarce)));
    expect(first.map(({ admitted }) => admitted)).toEqual([true, true, true, false, false]);
    const calls = rig.valkey.calls.length;
    const refusal = rig.decide(scarce);
    expect(refusal).toMatchObject({ admitted: false, limit: 'bucket', retryAfterMs: 500, basis: 'lease' });
    await rig.clock.advance(499);
    expect(rig.decide(scarce)).toMatchObject({ admitted: false, retryAfterMs: 1 });
    expect(rig.valkey.calls).toHaveLength(calls);
    await rig.clock.advance(1);
    expect(await rig.decide(scarce)).toMatchObject({ admitted: true, basis: 'valkey' });
  });

  describe('with a lease in hand', () => {
    const wide = { bucket: { ratePerSecond: 100, burst: 400 } };
    async function refusedWhileLeasing(): Promise<{ rig: Rig; refusal: Decision }> {
      const rig = createRig();
      await rig.warmUp(wide);
      await rig.ask({ ...wide, cost: 200 });
      const refusal = await rig.ask({ ...wide, cost: 400 });
      expect(refusal).toMatchObject({ admitted: false, basis: 'valkey' });
      return { rig, refusal };
    }

    it('tells no more than was asked for, though bucket and lease together hold as much', async () => {
      const { rig, refusal } = await refusedWhileLeasing();
      const cost = refusal.remaining;
      expect(await rig.ask({ ...wide, cost })).toMatchObject({ admitted: false, remaining: cost - 1 });
    });

    it('tells nothing of the lease when that is over', async () => {
      const { rig, refusal } = await refusedWhileLeasing();
      await rig.clock.advance(300);
      const later = rig.decide({ ...wide, cost: 400 });
      expect(later).toMatchObject({ admitted: false, basis: 'lease' });
      expect((await later).remaining).toBeLessThan(refusal.remaining);
    });
  });

  it('asks for a smaller cost than the one that was refused', async () => {
    const rig = createRig();
    expect(await rig.decide({ ...scarce, cost: 2 })).toMatchObject({ admitted: true, remaining: 1 });
    expect(await rig.decide({ ...scarce, cost: 2 })).toMatchObject({ admitted: false });
    expect(rig.decide({ ...scarce, cost: 3 })).toMatchObject({ admitted: false, basis: 'lease' });
    expect(await rig.decide({ ...scarce, cost: 1 })).toMatchObject({ admitted: true });
  });

  it('lets a raised limit take effect at once', async () => {
    const rig = createRig();
    for (let i = 0; i < 4; i += 1) await rig.decide(scarce);
    expect(rig.decide(scarce)).toMatchObject({ admitted: false });
    const raised = { bucket: { ratePerSecond: 2, burst: 10 } };
    expect(await rig.decide(raised)).toMatchObject({ admitted: true, remaining: 6 });
  });

  it('tells what is left at a cost of 0, takes nothing, and leaves a refusal as it is', async () => {
    const rig = createRig();
    await rig.ask({ ...scarce, cost: 2 });
    for (let i = 0; i < 3; i += 1)
      expect(await rig.decide({ ...scarce, cost: 0 })).toMatchObject({ admitted: true, remaining: 1 });
    expect(await rig.decide({ ...scarce, cost: 2 })).toMatchObject({ admitted: false });
    await rig.decide({ ...scarce, cost: 0 });
    expect(rig.decide({ ...scarce, cost: 2 })).toMatchObject({ admitted: false, basis: 'lease' });
    expect(await rig.decide({ ...scarce, cost: 1 })).toMatchObject({ admitted: true, remaining: 0 });
  });

  it('refuses a cost above the burst without asking', () => {
    const rig = createRig();
    const decision = rig.decide({ ...scarce, cost: 4 });
    expect(decision).toMatchObject({ admitted: false, limit: 'bucket', retryAfterMs: 1_500 });
    expect(rig.valkey.calls).toHaveLength(0);
  });

  it('refuses nothing in a dry run, leases nothing, and says what would have been refused', async () => {
    const rig = createRig();
    const dry = { ...scarce, dryRun: true };
    const decisions: Decision[] = [];
    for (let i = 0; i < 5; i += 1) decisions.push(await rig.decide(dry));
    expect(decisions.map(({ admitted, limit }) => [admitted, limit])).toEqual([
      [true, undefined],
      [true, undefined],
      [true, undefined],
      [true, 'bucket'],
      [true, 'bucket'],
    ]);
    await rig.warmUp({ dryRun: true, keyId: 'hot' });
    expect(rig.valkey.calls.every(({ args }) => args.length === 5)).toBe(true);
    expect(await rig.metrics()).toMatch(/weir_limiter_decisions\S*{[^}]*outcome="would_deny"[^}]*} 1\b/);
  });
});

describe('waiting', () => {
  it('serves everybody who waits for one key by one call, in order', async () => {
    const rig = createRig();
    rig.valkey.hold();
    const bucket = { ratePerSecond: 1, burst: 10 };
    const decisions = Array.from({ length: 20 }, () => rig.ask({ bucket }));
    expect(rig.valkey.calls).toHaveLength(1);
    await rig.valkey.calls[0]?.answer();
    expect(rig.valkey.calls).toHaveLength(2);
    await rig.valkey.calls[1]?.answer();
    const admitted = (await Promise.all(decisions)).map((decision) => decision.admitted);
    expect(admitted).toEqual([...Array<boolean>(10).fill(true), ...Array<boolean>(10).fill(false)]);
    expect(rig.valkey.calls).toHaveLength(2);
  });

  it('admits whole requests only, and asks for one cost at a time', async () => {
    const rig = createRig();
    rig.valkey.hold();
    const bucket = { ratePerSecond: 1, burst: 10 };
    const costs = [1, 4, 4, 4, 1];
    const decisions = costs.map((cost) => rig.ask({ bucket, cost }));
    for (let i = 0; i < 3; i += 1) await rig.valkey.calls[i]?.answer();
    expect((await Promise.all(decisions)).map(({ admitted }) => admitted)).toEqual([true, true, true, false, true]);
    expect(rig.valkey.calls.map(({ args }) => [args[3], args[4]])).toEqual([
      [1, 1],
      [4, 3],
      [1, 1],
    ]);
  });

  it('waits no longer than one deadline, whatever it waits for', async () => {
    const rig = createRig();
    rig.valkey.hold();
    const first = rig.decide();
    await rig.clock.advance(5);
    const second = rig.decide();
    await rig.clock.advance(35);
    await rig.valkey.calls[0]?.answer();
    expect(await first).toMatchObject({ basis: 'valkey' });
    await rig.clock.advance(17);
    expect(await second).toMatchObject({ admitted: true, basis: 'fallback' });
    // The late answer is nobody's any more, and the key goes on.
    await rig.valkey.calls[1]?.answer();
    rig.valkey.release();
    expect(await rig.decide()).toMatchObject({ basis: 'valkey' });
    expect(rig.clock.pendingTimers).toBe(0);
    expect(await rig.metrics()).toMatch(/weir_limiter_decisions\S*{[^}]*admitted[^}]*"valkey"[^}]*} 2\b/);
  });
});

describe('without Valkey', () => {
  it('does at once what the policy says, for everybody who waits', async () => {
    const rig = createRig();
    rig.valkey.hold();
    const decisions = [
      rig.ask({ onValkeyFailure: 'Allow' }),
      rig.ask({ onValkeyFailure: 'Deny' }),
      rig.ask({ onValkeyFailure: 'Deny', dryRun: true }),
    ];
    rig.valkey.setHealth('open');
    await rig.valkey.calls[0]?.fail('VALKEY_TIMEOUT');
    expect(await Promise.all(decisions)).toMatchObject([
      { admitted: true, basis: 'fallback' },
      { admitted: false, limit: 'unavailable', basis: 'fallback' },
      { admitted: true, basis: 'fallback' },
    ]);
    expect(rig.decide({ onValkeyFailure: 'Deny' })).toMatchObject({ admitted: false, limit: 'unavailable' });
    expect(rig.valkey.calls).toHaveLength(1);
    rig.valkey.release();
    rig.valkey.setHealth('closed');
    expect(await rig.decide()).toMatchObject({ basis: 'valkey' });
  });

  it('spends the leases it holds first', async () => {
    const rig = createRig();
    await rig.warmUp();
    rig.valkey.setHealth('open');
    expect(rig.decide({ onValkeyFailure: 'Deny' })).toMatchObject({ admitted: true, basis: 'lease' });
    await rig.clock.advance(250);
    expect(rig.decide({ onValkeyFailure: 'Deny' })).toMatchObject({ admitted: false, limit: 'unavailable' });
  });

  it('keeps to its share of the limit under LocalLimit', async () => {
    const rig = createRig();
    rig.pods = 4;
    rig.valkey.setHealth('open');
    const local = { onValkeyFailure: 'LocalLimit', bucket: { ratePerSecond: 40, burst: 20 } } as const;
    const burst = Array.from({ length: 6 }, () => rig.decide(local));
    expect(burst.map((decision) => isSynchronous(decision) && decision.admitted)).toEqual([
      ...Array<boolean>(5).fill(true),
      false,
    ]);
    expect(burst.at(-1)).toMatchObject({ limit: 'bucket', retryAfterMs: 100 });
    await rig.clock.advance(100);
    expect(rig.decide(local)).toMatchObject({ admitted: true });
    expect(rig.decide(local)).toMatchObject({ admitted: false, limit: 'bucket' });
  });

  /** Asks every 10 ms, and sums up the costs that were let in. */
  async function admittedWithin(rig: Rig, ms: number, over: Partial<DecideRequest>): Promise<number> {
    let admitted = 0;
    for (let passedMs = 0; passedMs < ms; passedMs += 10) {
      if ((await rig.ask(over)).admitted) admitted += 1;
      await rig.clock.advance(10);
    }
    return admitted;
  }
  const modest = { onValkeyFailure: 'LocalLimit', bucket: { ratePerSecond: 10, burst: 20 } } as const;

  it('gives no fresh burst under LocalLimit each time that Valkey stays away for a moment', async () => {
    const rig = createRig();
    const cycles = 20;
    let admitted = 0;
    for (let i = 0; i < cycles; i += 1) {
      rig.valkey.setHealth('closed');
      admitted += await admittedWithin(rig, 2_000, modest);
      rig.valkey.setHealth('open');
      admitted += await admittedWithin(rig, 120, modest);
    }
    const { ratePerSecond, burst } = modest.bucket;
    const exact = burst + ratePerSecond * cycles * 2.12;
    // What Valkey cannot know of: each outage's refill, and less than one token that was there at its beginning.
    expect(admitted).toBeLessThanOrEqual(exact + cycles * (ratePerSecond * 0.12 + 1));
    expect(admitted).toBeGreaterThan(exact - burst);
  });

  it('remembers under LocalLimit what it admitted in the outage before, which Valkey was never told', async () => {
    const rig = createRig();
    let admitted = 0;
    for (let i = 0; i < 10; i += 1) {
      rig.valkey.setHealth('closed');
      await rig.ask(modest);
      rig.valkey.setHealth('open');
      for (let j = 0; j < 30; j += 1) {
        const decision = await rig.ask(modest);
        if (decision.admitted && decision.basis === 'fallback') admitted += 1;
      }
      await rig.clock.advance(120);
    }
    expect(admitted).toBeLessThanOrEqual(20 + 10 * 1.2);
    expect(admitted).toBeGreaterThan(20);
  });

  it('tells what is left of its share under LocalLimit, not what Valkey had last told', async () => {
    const rig = createRig();
    rig.pods = 4;
    const local = { onValkeyFailure: 'LocalLimit', bucket: { ratePerSecond: 40, burst: 20 } } as const;
    await rig.ask({ ...local, cost: 4 });
    rig.valkey.setHealth('open');
    const decisions = [await rig.ask(local), await rig.ask(local), await rig.ask({ ...local, cost: 5 })];
    expect(decisions).toMatchObject([
      { admitted: true, remaining: 3, resetMs: 200 },
      { admitted: true, remaining: 2 },
      { admitted: false, remaining: 2, retryAfterMs: 300 },
    ]);
  });

  it('goes by the policy when Valkey answers with an error', async () => {
    const rig = createRig();
    rig.valkey.hold();
    const decision = rig.decide({ onValkeyFailure: 'Deny' });
    await rig.valkey.calls[0]?.fail('VALKEY_REFUSED');
    expect(await decision).toMatchObject({ admitted: false, limit: 'unavailable' });
  });

  it('logs an error reply once a minute, though other keys are answered', async () => {
    const rig = createRig();
    rig.valkey.hold();
    const failAndAnswer = async (): Promise<void> => {
      const before = rig.valkey.calls.length;
      const decisions = [rig.ask({ keyId: 'broken' }), rig.ask({ keyId: 'sound' })];
      await rig.valkey.calls[before]?.fail('VALKEY_REFUSED');
      await rig.valkey.calls[before + 1]?.answer();
      await Promise.all(decisions);
    };
    for (let i = 0; i < 3; i += 1) await failAndAnswer();
    expect(rig.errors).toHaveLength(1);
    await rig.clock.advance(60_000);
    await failAndAnswer();
    expect(rig.errors).toHaveLength(2);
  });

  it('asks nothing of another server until the leases of the former one have ended', async () => {
    const rig = createRig();
    rig.valkey.failOver();
    expect(rig.decide({ onValkeyFailure: 'Deny' })).toMatchObject({ admitted: false, limit: 'unavailable' });
    await rig.clock.advance(249);
    expect(rig.decide({ onValkeyFailure: 'Deny' })).toMatchObject({ admitted: false });
    await rig.clock.advance(1);
    expect(await rig.decide({ onValkeyFailure: 'Deny' })).toMatchObject({ admitted: true, basis: 'valkey' });
  });
});

describe('exactness rests on', () => {
  /** Every pod leases, holds on until just before the end, spends all, and a little later takes whatever is there. */
  async function excess(gapMs: number, faults: ModelFaults = {}): Promise<number> {
    const ratePerSecond = 100;
    const burst = 100;
    const sim = createSimulation({ ratePerSecond, burst, pods: 4, faults });
    for (let pod = 0; pod < 4; pod += 1) {
      await sim.request(pod, 2, 1);
      await sim.settle();
    }
    await sim.passTime(240);
    for (let pod = 0; pod < 4; pod += 1) await sim.spendLease(pod);
    await sim.passTime(gapMs);
    for (let pod = 0; pod < 4; pod += 1) await sim.drain(pod);
    await sim.settle();
    return worstExcess(sim.admissions, ratePerSecond, burst);
  }

  it('the escrow clamp: without it the same run admits more than the bucket holds', async () => {
    expect(await excess(1)).toBeLessThanOrEqual(0);
    expect(await excess(1, { noClamp: true })).toBeGreaterThan(10);
  });

  it('the clamp as of the instant a lease ended, when nobody has looked since', async () => {
    expect(await excess(10)).toBeLessThanOrEqual(0);
    expect(await excess(10, { noClampAtExpiry: true })).toBeGreaterThan(10);
  });

  it('call numbers: without them a repeated call overwrites the books', async () => {
    const liabilities = async (faults: ModelFaults): Promise<number> => {
      const sim = createSimulation({ ratePerSecond: 777, burst: 78, pods: 1, faults });
      await sim.request(0, 5, 3);
      await sim.settle();
      sim.repeat(1);
      return sim.liability() - sim.outstanding();
    };
    expect(await liabilities({})).toBeGreaterThanOrEqual(0);
    expect(await liabilities({ noCallNumbers: true })).toBeLessThan(0);
  });
});
