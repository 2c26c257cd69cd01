/** Instruments of the process as a whole; those of controllers, queues and calls are registered where they count. */
import type { Telemetry } from '@weir/telemetry';

export interface OperatorState {
  readonly isLeader: boolean;
  /** Objects in memory by kind. */
  readonly cacheSizes: Readonly<Record<string, number>>;
}

export const LEASE_NAME = 'weir-operator';

export function registerOperatorGauges(telemetry: Pick<Telemetry, 'gauge'>, read: () => OperatorState): void {
  telemetry.gauge('leader_election_master_status', { description: 'Whether this process leads' }, () => [
    { value: read().isLeader ? 1 : 0, attributes: { name: LEASE_NAME } },
  ]);
  telemetry.gauge('weir.operator.cached_objects', { description: 'Objects that watches keep in memory' }, () =>
    Object.entries(read().cacheSizes).map(([kind, value]) => ({ value, attributes: { kind } })),
  );
}
