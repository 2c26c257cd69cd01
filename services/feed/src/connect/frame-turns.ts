/**
 * Lets the frames of all sockets have a turn of the event loop for a few milliseconds and no more: then nothing is read
 * until timers and other connections have had theirs.
 *
 * Venues send in bursts, ten thousand heartbeats within the same second for one. What is not read yet waits where it is,
 * in the system's buffers, in its order; a chunk that was read is dealt with to its end.
 */
import type { Clock } from '@weir/clock';

/** Something that frames come from. */
export interface FrameReader {
  pause(): void;
  resume(): void;
}

export interface FrameTurns {
  /** Deals with a frame. */
  readonly take: (work: () => void) => void;
  join(reader: FrameReader): void;
  leave(reader: FrameReader): void;
}

const TURN_MS = 4;

/** `nextTurn` calls back once in the next turn of the event loop. */
export function createFrameTurns(
  clock: Pick<Clock, 'monotonicMs'>,
  nextTurn: (callback: () => void) => void = setImmediate,
): FrameTurns {
  const readers = new Set<FrameReader>();
  let spentMs = 0;
  let isTurn = false;
  let isPaused = false;

  const endTurn = (): void => {
    isTurn = false;
    spentMs = 0;
    if (!isPaused) return;
    isPaused = false;
    for (const reader of readers) reader.resume();
  };
  return {
    take(work) {
      if (!isTurn) nextTurn(endTurn);
      isTurn = true;
      const startMs = clock.monotonicMs();
      try {
        work();
      } finally {
        spentMs += clock.monotonicMs() - startMs;
        if (spentMs >= TURN_MS && !isPaused) {
          isPaused = true;
          for (const reader of readers) reader.pause();
        }
      }
    },
    join(reader) {
      readers.add(reader);
      if (isPaused) reader.pause();
    },
    leave: (reader) => void readers.delete(reader),
  };
}
