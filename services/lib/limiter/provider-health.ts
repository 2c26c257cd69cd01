/** What a process says of its provider quotas and of Valkey in the answer of /health. */
import type { Clock } from '@weir/clock';
import type { ValkeyClient } from '@weir/valkey';
import type { GateOverview } from './provider-gate.ts';

/** The documented form; its names are not ours to choose. */
export interface ProviderHealth {
  readonly status: 'ok' | 'degraded';
  readonly redis: {
    readonly connected: boolean;
    readonly enabled: boolean;
    /** Bytes; 0 while it is not known. */
    readonly usedMemory: number;
    readonly connectedClients: number;
  };
  readonly rateLimiting: {
    /** local: at least one provider goes by this process's safe share. */
    readonly mode: 'distributed' | 'local';
    readonly local: Readonly<Record<string, Pick<GateOverview, 'running' | 'queued' | 'done'>>>;
    readonly distributed: Readonly<Record<string, { readonly type: 'Smooth' | 'Fixed'; readonly redis: boolean }>>;
  };
}

export interface StoreInfo {
  readonly usedMemory: number;
  readonly connectedClients: number;
}

const INFO_MS = 10_000;

/** INFO makes Valkey count: however often it is asked for, it is read once in 10 s, and nobody waits for it. */
export function createInfoCache(client: Pick<ValkeyClient, 'call'>, clock: Clock): { read(): StoreInfo } {
  let known: StoreInfo = { usedMemory: 0, connectedClients: 0 };
  let readMs = Number.NEGATIVE_INFINITY;
  const refresh = async (): Promise<void> => {
    const text = String(await client.call('INFO', 'memory', 'clients'));
    known = { usedMemory: numberIn(text, 'used_memory'), connectedClients: numberIn(text, 'connected_clients') };
  };
  const read = (): StoreInfo => {
    if (clock.monotonicMs() - readMs >= INFO_MS) {
      readMs = clock.monotonicMs();
      refresh().catch(() => {
        // The last ones stay; that Valkey is away is said beside them.
      });
    }
    return known;
  };
  read();
  return { read };
}

function numberIn(text: string, field: string): number {
  const value = new RegExp(`^${field}:(\\d+)\\r?$`, 'm').exec(text)?.[1];
  return value === undefined ? 0 : Number(value);
}

export function describeProviders(
  isConnected: boolean,
  info: StoreInfo,
  gates: Iterable<{ overview(): GateOverview }>,
): ProviderHealth {
  const overviews = [...gates].map((gate) => gate.overview());
  const isLocal = !isConnected || overviews.some((of) => of.isLocal);
  return {
    status: isLocal ? 'degraded' : 'ok',
    redis: { connected: isConnected, enabled: true, ...info },
    rateLimiting: {
      mode: isLocal ? 'local' : 'distributed',
      local: Object.fromEntries(
        overviews.map(({ provider, running, queued, done }) => [provider, { running, queued, done }]),
      ),
      distributed: Object.fromEntries(
        overviews.map(({ provider, type, isLocal: isOwn }) => [provider, { type, redis: isConnected && !isOwn }]),
      ),
    },
  };
}
