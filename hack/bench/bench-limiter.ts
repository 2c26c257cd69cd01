/** How many decisions one process makes in a second for a key that it leases, on a real Valkey. */
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '@weir/clock';
import { createLimiter, type DecideRequest } from '@weir/limiter';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import { createValkey, parseValkeyUrl } from '@weir/valkey';
import { startEmbeddedValkey } from '@weir/valkey/embedded';
import { median, round } from './numbers.ts';

export interface LimiterBenchResult {
  readonly bench: 'limiter';
  readonly decisions_per_second: number;
  readonly answered_at_once: number;
}

const ROUNDS = 7;
const ROUND_MS = 1_000;
/** Between turns of the event loop, in which replies are read. */
const DECISIONS_PER_TURN = 200;

export async function benchLimiter(): Promise<LimiterBenchResult> {
  const server = await startEmbeddedValkey();
  const shared = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
  const valkey = createValkey({ ...shared, target: parseValkeyUrl(server.url), clientName: 'bench' });
  const limiter = createLimiter({ ...shared, valkey, livePods: () => 1 });
  try {
    await valkey.ready();
    const bucket = { ratePerSecond: 1_000_000, burst: 1_000_000 };
    const request: DecideRequest = { keyId: 'hot', bucket, cost: 1, onValkeyFailure: 'Deny', dryRun: false };
    const rates: number[] = [];
    let decisions = 0;
    let atOnce = 0;
    for (let number = 0; number <= ROUNDS; number += 1) {
      let count = 0;
      const startMs = systemClock.monotonicMs();
      while (systemClock.monotonicMs() - startMs < ROUND_MS) {
        for (let i = 0; i < DECISIONS_PER_TURN; i += 1) {
          const decision = limiter.decide(request);
          count += 1;
          if (decision instanceof Promise) await decision;
          else atOnce += 1;
        }
        await setImmediate();
      }
      decisions += count;
      const perSecond = (count * 1_000) / (systemClock.monotonicMs() - startMs);
      console.error(`round ${number}: ${perSecond.toFixed(0)} decisions/s`);
      // The first one warms up.
      if (number > 0) rates.push(perSecond);
    }
    return {
      bench: 'limiter',
      decisions_per_second: Math.round(median(rates)),
      answered_at_once: round(atOnce / decisions, 5),
    };
  } finally {
    await limiter.close();
    await valkey.close();
    await server.stop();
  }
}
