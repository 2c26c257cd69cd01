/**
 * Keys in memory that Postgres has to confirm, asked for together: however many are in use while Valkey is away, they
 * take one look-up at a time of the process's rate, and the rest of it is left to keys that nobody has seen yet.
 */
import type { ApiKeyRecord } from '@weir/wire';
import type { KeySources } from './key-sources.ts';

const BATCH_MAX = 500;

export interface RecheckBatch<E> {
  /** Asked for at a coming flush; nothing when it is waiting or under way already. `fill`: Valkey lacks it. */
  add(text: string, entry: E, fill: boolean): void;
  /** Starts at most one look-up. What Postgres could not be asked for is forgotten until it is added again. */
  flush(): void;
}

export function createRecheckBatch<E extends { readonly sha256: string }>(
  sources: Pick<KeySources, 'readStored'>,
  settle: (text: string, entry: E, stored: ReadonlyMap<string, ApiKeyRecord>) => void,
): RecheckBatch<E> {
  const waiting = new Map<string, { readonly entry: E; readonly fill: boolean }>();
  const asked = new Set<string>();

  const ask = async (batch: ReadonlyMap<string, { readonly entry: E; readonly fill: boolean }>): Promise<void> => {
    const items = [...batch.values()];
    const hashes = items.map(({ entry }) => entry.sha256);
    // A write that was not needed does no harm: writes are versioned.
    const fill = items.some((item) => item.fill);
    const stored = await sources.readStored(hashes, fill);
    for (const [text, { entry }] of batch) {
      asked.delete(text);
      if (stored !== undefined) settle(text, entry, stored);
    }
  };

  return {
    add(text, entry, fill) {
      if (!waiting.has(text) && !asked.has(text)) waiting.set(text, { entry, fill });
    },
    flush() {
      if (waiting.size === 0) return;
      const batch = new Map([...waiting].slice(0, BATCH_MAX));
      for (const text of batch.keys()) {
        waiting.delete(text);
        asked.add(text);
      }
      void ask(batch);
    },
  };
}
