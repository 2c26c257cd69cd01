import { createFakeClock, silentLogger } from '@weir/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrozenProcess } from '../../test/kube/frozen-process.ts';
import { LeaseServer } from '../../test/kube/lease-server.ts';
import { TimedFence } from './fence.ts';
import { LeaderElector } from './leader-elector.ts';

const PROCESSES = 3;
const STEP_MS = 250;

interface Fault {
  readonly what: 'freeze' | 'thaw' | 'stop' | 'away' | 'back' | 'lose' | 'slow' | 'fast';
  readonly whose: number;
  readonly afterMs: number;
}

const fault: fc.Arbitrary<Fault> = fc.record({
  what: fc.constantFrom('freeze', 'thaw', 'thaw', 'stop', 'away', 'back', 'back', 'lose', 'slow', 'fast'),
  whose: fc.nat(PROCESSES - 1),
  afterMs: fc.nat(20_000),
});

/** Answers the most processes that could write at one moment, and how often the leader changed. */
async function run(faults: readonly Fault[], skews: readonly number[]) {
  const clock = createFakeClock();
  const server = new LeaseServer(clock);
  let elections = 0;
  const stand = (index: number) => {
    const process = new FrozenProcess(clock, skews[index] ?? 0);
    const fence = new TimedFence(process.clock);
    const elector = new LeaderElector({
      client: server.client((answer) => process.receive(answer)),
      namespace: 'weir',
      name: 'weir-operator',
      identity: String(index),
      fence,
      clock: process.clock,
      logger: silentLogger,
      random: () => 0.5,
      onElected: () => (elections += 1),
      onLost: () => {},
    });
    return { elector, fence, process };
  };
  const all = Array.from({ length: PROCESSES }, (_each, index) => stand(index));
  let most = 0;
  const advance = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await clock.advance(Math.min(left, STEP_MS));
      most = Math.max(most, all.filter(({ fence }) => fence.isLeader).length);
    }
  };
  const act: Record<Fault['what'], (each: (typeof all)[number]) => void> = {
    freeze: ({ process }) => process.freeze(),
    thaw: ({ process }) => process.thaw(),
    stop: ({ elector }) => void elector.stop(),
    away: () => (server.isAway = true),
    back: () => {
      server.isAway = false;
      server.losesAnswers = false;
    },
    lose: () => (server.losesAnswers = true),
    slow: () => (server.latencyMs = 3_000),
    fast: () => (server.latencyMs = 0),
  };
  for (const { what, whose, afterMs } of faults) {
    await advance(afterMs);
    const each = all[whose];
    if (each !== undefined) act[what](each);
  }
  await advance(20_000);
  return { most, elections };
}

describe('leader electors', () => {
  it('are never two that may write, whatever freezes, fails, lags or lies about the date', async () => {
    const skew = fc.constantFrom(-600_000, 0, 600_000);
    let elections = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fault, { maxLength: 12, size: 'max' }),
        fc.array(skew, { minLength: PROCESSES, maxLength: PROCESSES }),
        async (faults, skews) => {
          const seen = await run(faults, skews);
          elections += seen.elections;
          expect(seen.most).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 60 },
    );
    // Else it would hold of processes that never lead.
    expect(elections).toBeGreaterThan(60);
  }, 30_000);
});
