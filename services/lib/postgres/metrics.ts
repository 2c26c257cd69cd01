/** Instruments of one pool. */
import type { HotCounter, HotHistogram, Telemetry } from '@weir/telemetry';

export interface PostgresMetrics {
  readonly duration: HotHistogram;
  readonly refused: HotCounter;
  readonly unavailable: HotCounter;
}

export interface PoolCounts {
  readonly idle: number;
  readonly used: number;
  readonly waiting: number;
}

const SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;
const ATTRIBUTES = { 'db.system.name': 'postgresql' } as const;

export function createPostgresMetrics(telemetry: Telemetry, pool: () => PoolCounts): PostgresMetrics {
  const failures = (outcome: string): HotCounter =>
    telemetry.counter('weir.postgres.failures', {
      description: 'Statements that failed, by outcome',
      attributes: { outcome },
    });
  telemetry.gauge('db.client.connection.count', { description: 'Connections to Postgres, by state' }, () => [
    { value: pool().idle, attributes: { ...ATTRIBUTES, 'db.client.connection.state': 'idle' } },
    { value: pool().used, attributes: { ...ATTRIBUTES, 'db.client.connection.state': 'used' } },
  ]);
  telemetry.gauge('db.client.connection.pending_requests', { description: 'Callers waiting for a connection' }, () => [
    { value: pool().waiting, attributes: ATTRIBUTES },
  ]);
  return {
    duration: telemetry.histogram('db.client.operation.duration', {
      description: 'Time from sending a call to its answer',
      unit: 's',
      boundaries: SECONDS,
      attributes: ATTRIBUTES,
    }),
    refused: failures('refused'),
    unavailable: failures('unavailable'),
  };
}
