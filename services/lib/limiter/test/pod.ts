/**
 * One process with a limiter of its own, for tests that need several. Sends `ready`; answers each message, which says what
 * to ask for, with how many were admitted.
 */
import { systemClock } from '@weir/clock';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import { createValkey, parseValkeyUrl } from '@weir/valkey';
import { createLimiter, type BucketPolicy } from '../index.ts';

export interface Burst {
  readonly keyId: string;
  readonly bucket: BucketPolicy;
  readonly requests: number;
  readonly concurrency: number;
}

const telemetry = createTestTelemetry();
const shared = { clock: systemClock, logger: silentLogger, telemetry };
/** Long, since this is about exactness and the test machine may be busy. */
const decideMs = 20_000;
const target = parseValkeyUrl(process.argv[2] ?? '');
const valkey = createValkey({ ...shared, target, clientName: 'test-pod', deadlines: { decideMs } });
await valkey.ready();
const limiter = createLimiter({ ...shared, valkey, livePods: () => 3, waitMsMax: decideMs });

async function run({ keyId, bucket, requests, concurrency }: Burst): Promise<number> {
  let left = requests;
  let admitted = 0;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const decision = await limiter.decide({ keyId, bucket, cost: 1, onValkeyFailure: 'Deny', dryRun: false });
      if (decision.admitted) admitted += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return admitted;
}

// Sent by the test that started this process.
process.on('message', (burst: Burst) => void run(burst).then((admitted) => process.send?.(admitted)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
