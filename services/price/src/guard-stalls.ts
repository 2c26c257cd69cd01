/**
 * A process that stood still does not know what changed meanwhile, and the first thing it does on waking is to answer what
 * piled up. So after a stall nothing is decided before the policies were compared with Valkey's again, and the process is
 * not ready until then: whoever waits for a policy to be in force stops counting a process that is not ready.
 *
 * When Valkey cannot be asked, the process goes on with the policies that it has, as it does whenever Valkey is away.
 */
import { sleep, type Clock } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import { createStallDetector } from './detect-stall.ts';

export interface StallGuardOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Resolves once what this process has is at least as new as this call; rejects when that cannot be found out. */
  readonly refresh: () => Promise<void>;
}

export interface StallGuard {
  /** What to wait for before anything is decided; `undefined` nearly always. To be asked before each decision. */
  hold(): Promise<void> | undefined;
  close(): void;
}

/** A policy is in force within 2 s of its change; what a process that was stopped for less may miss is found by its poll. */
const STALL_MS = 1_500;
const LOOK_MS = 250;
/** For a connection that did not outlive the stall to be made again. */
const GIVE_UP_MS = 2_000;
const RETRY_MS = 50;

export function createStallGuard({ clock, logger, refresh }: StallGuardOptions): StallGuard {
  const detector = createStallDetector(clock, STALL_MS);
  const closed = new AbortController();
  let holding: Promise<void> | undefined;

  const compare = async (): Promise<void> => {
    const giveUpAtMs = clock.monotonicMs() + GIVE_UP_MS;
    for (;;) {
      try {
        return await refresh();
      } catch (err) {
        if (clock.monotonicMs() >= giveUpAtMs) {
          logger.warn({ err }, 'after a stall the policies could not be compared, the last ones stay');
          return;
        }
        await sleep(clock, RETRY_MS, closed.signal);
      }
    }
  };
  const hold = (): Promise<void> | undefined => {
    if (!detector.look()) return holding;
    logger.warn('this process stood still, comparing the policies');
    // A second stall begins anew: what was asked before it may be older.
    const began = compare()
      .catch(() => undefined)
      .then(() => {
        if (holding === began) holding = undefined;
      });
    holding = began;
    return began;
  };
  const looking = clock.setInterval(() => void hold(), LOOK_MS);
  return {
    hold,
    close() {
      looking.cancel();
      closed.abort();
    },
  };
}
