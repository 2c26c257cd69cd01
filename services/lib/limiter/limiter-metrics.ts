/** Every instrument of the limiter, by the question it answers. */
import type { HotCounter, HotHistogram, Telemetry } from '@weir/telemetry';
import type { Basis } from './decision.ts';

export type Outcome = 'admitted' | 'denied' | 'would_deny' | 'unavailable';

export interface LimiterMetrics {
  /** What was decided, and who knew? */
  readonly decisions: Readonly<Record<Outcome, Readonly<Record<Basis, HotCounter>>>>;
  /** How often is Valkey asked, and does it answer? */
  readonly calls: Readonly<Record<'answered' | 'failed', HotCounter>>;
  /** How much does leasing save? */
  readonly requestsPerCall: HotHistogram;
}

export function createLimiterMetrics(telemetry: Telemetry, keys: () => number): LimiterMetrics {
  const decision = (outcome: Outcome, basis: Basis): HotCounter =>
    telemetry.counter('weir.limiter.decisions', {
      description: 'Decisions by outcome and by who knew the answer',
      unit: '{decision}',
      attributes: { outcome, basis },
    });
  const byBasis = (outcome: Outcome): Readonly<Record<Basis, HotCounter>> => ({
    lease: decision(outcome, 'lease'),
    valkey: decision(outcome, 'valkey'),
    fallback: decision(outcome, 'fallback'),
  });
  const call = (result: string): HotCounter =>
    telemetry.counter('weir.limiter.valkey.calls', {
      description: 'Calls of the decision script by result',
      unit: '{call}',
      attributes: { result },
    });
  telemetry.gauge('weir.limiter.keys', { description: 'Keys known to this process', unit: '{key}' }, keys);
  return {
    decisions: {
      admitted: byBasis('admitted'),
      denied: byBasis('denied'),
      would_deny: byBasis('would_deny'),
      unavailable: byBasis('unavailable'),
    },
    calls: { answered: call('answered'), failed: call('failed') },
    requestsPerCall: telemetry.histogram('weir.limiter.requests_per_call', {
      description: 'Decisions made for one key per call of the decision script',
      unit: '{decision}',
      boundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 20_000],
    }),
  };
}
