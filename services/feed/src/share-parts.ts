/** What all feeds of one process share: the venues limit by address, and the cluster's view of them is one. */
import type { Clock } from '@weir/clock';
import { createGovernor, type Governor } from '@weir/governor';
import { createProviderQuotas, type ProviderQuotas } from '@weir/limiter';
import { createParameterReader, followParameters, type ParameterReader } from '@weir/parameters';
import type { Logger, Telemetry } from '@weir/telemetry';
import { createUpstreams, type Upstreams } from '@weir/upstream';
import type { Valkey } from '@weir/valkey';
import { createConnectBudget, createStatusFeeds, type ConnectBudget, type StatusFeeds } from './connect/connector.ts';
import { createFrameTurns } from './connect/frame-turns.ts';
import { createSocketOpener, type OpenSocket } from './connect/socket.ts';

export interface FeedShared {
  readonly connectBudget: ConnectBudget;
  /** One turn of the event loop is shared by the frames of all sockets. */
  readonly openSocket: OpenSocket;
  readonly statusFeeds: StatusFeeds;
  readonly governor: Governor;
  readonly quotas: ProviderQuotas;
  readonly parameters: ParameterReader;
  readonly upstreams: Upstreams;
  /** After the feeds. */
  close(): Promise<void>;
}

export interface FeedSharedOptions {
  readonly valkey: Valkey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** How many processes share what the venues allow, for the time that Valkey is away; absent: this one alone. */
  readonly livePods?: () => number;
  readonly random?: () => number;
}

export function createFeedShared(options: FeedSharedOptions): FeedShared {
  const { valkey, clock, logger, telemetry, livePods = () => 1, random = Math.random } = options;
  const followed = followParameters({ valkey, clock, logger });
  const parameters = createParameterReader(followed, logger);
  const maxConcurrent = (): number => parameters.adaptiveMaxConcurrent();
  const governor = createGovernor({ valkey, clock, logger, telemetry, random, maxConcurrent });
  const quotas = createProviderQuotas({ valkey, clock, logger, telemetry, livePods, random });
  const connectBudget = createConnectBudget(clock);
  const openSocket = createSocketOpener(createFrameTurns(clock));
  return {
    connectBudget,
    openSocket,
    statusFeeds: createStatusFeeds({ clock, budget: connectBudget, openSocket, logger, random }),
    governor,
    quotas,
    parameters,
    upstreams: createUpstreams({ clock, logger, telemetry, governor, quotas, valkey: valkey.bulk, random }),
    async close() {
      await Promise.all([governor.close(), quotas.close(), followed.close()]);
    },
  };
}
