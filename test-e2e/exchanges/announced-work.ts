/** Work of a venue that tells of it piece by piece, as a change comes: what is scheduled, goes on, and is over. */
import type { Maintenance } from './market.ts';

export interface Work {
  readonly id: string;
  readonly title: string;
  readonly state: 'scheduled' | 'ongoing' | 'completed';
  readonly startMs: number;
  readonly endMs: number;
  /** Nothing is matched while it goes on; otherwise it is work on sockets. */
  readonly stopsTrading: boolean;
}

export interface AnnouncedWork {
  /** What there is to tell of a change of the venue's state. */
  changed(maintenance: Maintenance, nowMs: number): readonly Work[];
  /** What was told last. */
  readonly latest: Work | undefined;
}

const LASTS_MS = 600_000;

export function createAnnouncedWork(): AnnouncedWork {
  let open: readonly Work[] = [];
  let latest: Work | undefined;
  let count = 0;
  const begin = (work: Omit<Work, 'id'>): Work => {
    count += 1;
    return { id: `0000000${count}-587f-11f0-bcc9-56f28c94d6ea`, ...work };
  };
  return {
    changed: ({ system, upcoming }, nowMs) => {
      const told: Work[] = open.map((work) => ({ ...work, state: 'completed', endMs: nowMs }));
      const begun: Work[] = [];
      if (upcoming !== undefined) begun.push(begin({ ...upcoming, state: 'scheduled', stopsTrading: false }));
      if (system !== 'online') {
        const time = { startMs: nowMs, endMs: nowMs + LASTS_MS };
        begun.push(begin({ title: `Spot trading is in ${system}`, state: 'ongoing', ...time, stopsTrading: true }));
      }
      open = begun;
      told.push(...begun);
      latest = told.at(-1) ?? latest;
      return told;
    },
    get latest() {
      return latest;
    },
  };
}
