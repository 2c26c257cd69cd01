/** What a controller is given. */
import type { Clock } from '@weir/clock';
import type { Postgres } from '@weir/postgres';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import type { OperatorSettings } from './config.ts';
import type { CacheRegistry, EventRecorder, Fence, KubeClient } from './kube/index.ts';

export interface OperatorDeps {
  /** Refuses writes once leadership is lost. */
  readonly kube: KubeClient;
  readonly caches: CacheRegistry;
  /** May be away at any time. */
  readonly valkey: Valkey;
  /** May be away at any time; its tables come as soon as it is there. */
  readonly postgres: Postgres;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly events: EventRecorder;
  readonly config: OperatorSettings;
  readonly version: string;
  /** To be checked right before each write to Valkey or Postgres. */
  readonly fence: Fence;
}
