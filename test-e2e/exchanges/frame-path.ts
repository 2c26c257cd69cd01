/** The way of one client's frames out of a venue, with what may happen to them: blanked, doubled, out of order, answers last. */
import { blankBids, blankTimes } from './blank-fields.ts';
import type { Random } from './random.ts';
import type { Strikes } from './strikes.ts';
import type { VenueFaults } from './venue-faults.ts';

export interface FramePath {
  send(frame: string): void;
  /** What `receive` sends is one answer: a venue that is late with its acks sends the rest of it first. */
  answer(receive: () => void): void;
  /** Sends what waits to be sent out of order. */
  flush(): void;
}

export interface FramePathOptions {
  readonly venue: string;
  readonly faults: VenueFaults;
  readonly random: Random;
  readonly strikes: Strikes;
  readonly transmit: (frame: string) => void;
}

export function createFramePath({ venue, faults, random, strikes, transmit }: FramePathOptions): FramePath {
  const waiting: string[] = [];
  let answer: string[] | undefined;

  const blank = (frame: string): string => {
    const whole = faults.hasEmptyBids ? blankBids(venue, frame) : frame;
    const text = faults.hasZeroTimes ? blankTimes(venue, whole) : whole;
    if (whole !== frame) strikes.note('hasEmptyBids');
    if (text !== whole) strikes.note('hasZeroTimes');
    return text;
  };
  const leave = (frame: string): void => {
    transmit(frame);
    if (faults.duplicateShare === 0 || random() >= faults.duplicateShare) return;
    strikes.note('duplicateShare');
    transmit(frame);
  };
  const flush = (): void => {
    while (waiting.length > 0) {
      const index = Math.floor(random() * waiting.length);
      if (index > 0) strikes.note('reorderWindow');
      const [frame] = waiting.splice(index, 1);
      if (frame !== undefined) leave(frame);
    }
  };
  return {
    send: (frame) => {
      const text = blank(frame);
      if (answer !== undefined) return void answer.push(text);
      if (faults.reorderWindow === 0) {
        if (waiting.length > 0) flush();
        return leave(text);
      }
      waiting.push(text);
      if (waiting.length >= faults.reorderWindow) flush();
    },
    answer: (receive) => {
      if (!faults.isAckLast) return receive();
      answer = [];
      receive();
      const frames = answer;
      answer = undefined;
      if (frames.length > 1) strikes.note('isAckLast');
      // Every protocol answers first and sends the prices then.
      for (const frame of frames.toReversed()) leave(frame);
    },
    flush,
  };
}
