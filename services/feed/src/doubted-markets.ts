/** Markets whose socket is doubted because of what REST says (`doubt-socket.ts`), by source. */
import type { SourceSays } from './source-votes.ts';

export interface Doubts {
  /** Some market's word is doubted: another one of REST is wanted soon. */
  readonly isAny: boolean;
  /** Markets whose socket is not believed. */
  readonly disbelieved: number;
}

export class DoubtedMarkets {
  readonly #bySource = new Map<string, Set<SourceSays>>();

  /** After REST has been heard of the market. */
  note(sourceName: string, says: SourceSays): void {
    let doubted = this.#bySource.get(sourceName);
    if (!isDoubted(says)) {
      doubted?.delete(says);
      return;
    }
    if (doubted === undefined) this.#bySource.set(sourceName, (doubted = new Set()));
    doubted.add(says);
  }

  forget(sourceName: string, says: SourceSays): void {
    this.#bySource.get(sourceName)?.delete(says);
  }

  clear(): void {
    this.#bySource.clear();
  }

  of(sourceName: string): Doubts {
    const doubted = this.#bySource.get(sourceName);
    let disbelieved = 0;
    for (const says of doubted ?? []) {
      // The socket has said something else since.
      if (!isDoubted(says)) doubted?.delete(says);
      else if (says.by.ws?.repeated.isDisbelieved === true) disbelieved += 1;
    }
    return { isAny: doubted !== undefined && doubted.size > 0, disbelieved };
  }
}

const isDoubted = ({ by: { ws } }: SourceSays): boolean => ws?.repeated.doubtedSinceMs !== undefined;
