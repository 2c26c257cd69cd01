/** A client for the tests of this package, and what they ask of it again and again. */
import { systemClock } from '@weir/clock';
import { isWeirError, type ErrorCode } from '@weir/errors';
import { createTestTelemetry, silentLogger } from '@weir/testing';

import { createValkey, type Valkey, type ValkeyOptions } from '../index.ts';

/** Generous deadlines, for tests that run on busy machines and are not about them. */
export const PATIENT = { decideMs: 5_000, bulkMs: 5_000 } as const;

export function connectTo(
  target: { port: number } & Partial<ValkeyOptions['target']>,
  options: Partial<ValkeyOptions> = {},
): Valkey {
  return createValkey({
    target: { kind: 'standalone', host: '127.0.0.1', ...target },
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
    deadlines: PATIENT,
    ...options,
  });
}

/** The code by which a call fails; "ok" when it does not. */
export async function outcomeOf(call: Promise<unknown>): Promise<ErrorCode | 'ok'> {
  try {
    await call;
    return 'ok';
  } catch (err) {
    if (isWeirError(err)) return err.code;
    throw err;
  }
}

/** Keeps the event loop from doing anything, as a long computation or a garbage collection does. */
export function stallLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** The next turn of the event loop. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
