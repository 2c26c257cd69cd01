/** What is counted of key look-ups: by where the answer came from. */
import type { HotCounter, Telemetry } from '@weir/telemetry';

export type KeyCounters = Readonly<
  Record<'memory' | 'valkey' | 'postgres' | 'stale' | 'unknown' | 'malformed' | 'unavailable' | 'losses', HotCounter>
>;

export function createKeyCounters(telemetry: Telemetry): KeyCounters {
  const lookups = (result: string): HotCounter =>
    telemetry.counter('weir.keys.lookups', {
      description: 'API key look-ups by where the answer came from',
      unit: '{lookup}',
      attributes: { result },
    });
  return {
    memory: lookups('memory'),
    valkey: lookups('valkey'),
    postgres: lookups('postgres'),
    stale: lookups('stale'),
    unknown: lookups('unknown'),
    malformed: lookups('malformed'),
    unavailable: lookups('unavailable'),
    losses: telemetry.counter('weir.keys.data_losses', {
      description: 'Times that Valkey had lost the keys it held',
      unit: '{loss}',
    }),
  };
}
