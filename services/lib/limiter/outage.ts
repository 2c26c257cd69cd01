/**
 * Whether Valkey may be asked now.
 *
 * Not while its breaker is open, so that a hung Valkey costs one time-out and then nobody waits for it. And not for as
 * long as a lease may live after another server has taken over: that one may not know of leases which the former server
 * granted last, and must grant nothing beside them.
 */
import type { Clock } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import { LEASE_MS_MAX } from './lease-terms.ts';

export interface Outage {
  isActive(nowMs: number): boolean;
  close(): void;
}

export interface OutageOptions {
  readonly decide: Pick<ValkeyClient, 'health' | 'onFailover'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createOutage({ decide, clock, logger }: OutageOptions): Outage {
  let learnedMs = Number.NEGATIVE_INFINITY;
  const stopListening = decide.onFailover(() => {
    learnedMs = clock.monotonicMs() + LEASE_MS_MAX;
    logger.warn(
      { learningMs: LEASE_MS_MAX },
      'another Valkey answers: nothing is granted until former leases have ended',
    );
  });
  return {
    isActive: (nowMs) => decide.health !== 'closed' || nowMs < learnedMs,
    close: stopListening,
  };
}
