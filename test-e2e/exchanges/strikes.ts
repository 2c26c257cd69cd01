/** How often each fault of a venue has really changed something: a fault that strikes nothing shows nothing. */
import type { VenueFaults } from './venue-faults.ts';

/** What happens once is named after its command; `refused`: symbols that were asked for in vain. */
export type StrikeName = keyof VenueFaults | 'cut' | 'silence' | 'refused' | 'maintenance' | 'announce' | 'burst';

export interface Strikes {
  note(name: StrikeName, count?: number): void;
  /** Those that are not named never struck. */
  readonly counts: Readonly<Partial<Record<StrikeName, number>>>;
}

export function createStrikes(): Strikes {
  const counts: Partial<Record<StrikeName, number>> = {};
  return {
    note: (name, count = 1) => {
      if (count > 0) counts[name] = (counts[name] ?? 0) + count;
    },
    counts,
  };
}
