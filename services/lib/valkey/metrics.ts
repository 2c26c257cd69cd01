/** Instruments of one client of Valkey. */
import type { HotCounter, HotHistogram, Telemetry } from '@weir/telemetry';

import type { Health } from './breaker.ts';

export interface ClientMetrics {
  readonly duration: HotHistogram;
  readonly timeouts: HotCounter;
  readonly refused: HotCounter;
  readonly unavailable: HotCounter;
}

const SECONDS = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] as const;
const HEALTH_VALUES: Readonly<Record<Health, number>> = { closed: 0, 'half-open': 1, open: 2 };

export function createClientMetrics(telemetry: Telemetry, client: string, health: () => Health): ClientMetrics {
  const attributes = { 'db.system.name': 'valkey', 'weir.valkey.client': client };
  const failures = (outcome: string): HotCounter =>
    telemetry.counter('weir.valkey.failures', {
      description: 'Calls to Valkey that failed, by outcome',
      attributes: { ...attributes, outcome },
    });
  telemetry.gauge('weir.valkey.breaker', { description: 'Breaker: 0 closed, 1 half-open, 2 open' }, () => [
    { value: HEALTH_VALUES[health()], attributes },
  ]);
  return {
    duration: telemetry.histogram('db.client.operation.duration', {
      description: 'Time from sending a call to its answer',
      unit: 's',
      boundaries: SECONDS,
      attributes,
    }),
    timeouts: failures('timeout'),
    refused: failures('refused'),
    unavailable: failures('unavailable'),
  };
}
