/**
 * What one client of a stream is sent: of each pair the newest price only, and only when there is something new to say.
 *
 * A client that does not take what it is sent has nothing more written until it does; what changes meanwhile is not kept
 * for it, since its next event is what is newest then. Knows no clock, no socket and no charge.
 */
import { formatPair, type PriceRecord, type PriceStatus } from '@weir/wire';
import type { PriceTable, Slot } from './price-table.ts';

export interface Sink {
  /** Written and not yet taken by the system. */
  readonly pendingBytes: number;
  write(text: string): void;
}

/** One round over all streams, so that what several clients are sent at one instant is made once. */
export interface Round {
  readonly monotonicMs: number;
  readonly table: Pick<PriceTable, 'slot'>;
  /** Looks at ages and documents too, not only at new records. */
  readonly isThorough: boolean;
  ageMsOf(slot: Slot): number;
  statusOf(slot: Slot, ageMs: number): PriceStatus;
  /** The event of a price, with its age in this round. */
  priceEvent(slot: Slot, record: PriceRecord, ageMs: number, status: PriceStatus): string;
}

export interface StreamLimits {
  /** More than this unsent, and nothing is written. */
  readonly pendingBytesMax: number;
  /** A client that was behind for so long is given up. */
  readonly slowMs: number;
  /** A comment is sent when nothing was sent for so long. */
  readonly heartbeatMs: number;
  /** A price that was confirmed unchanged is sent again no sooner. */
  readonly confirmationMs: number;
}

export const STREAM_LIMITS: StreamLimits = {
  pendingBytesMax: 64 * 1024,
  slowMs: 10_000,
  heartbeatMs: 10_000,
  confirmationMs: 1_000,
};

export const HEARTBEAT = ': heartbeat\n\n';

/** What the client was last told of a pair. */
interface Line {
  readonly pair: string;
  slot: Slot | undefined;
  told: PriceRecord | undefined;
  /** Status of a price, or why there is none; "" before the first event. */
  state: string;
  toldAtMs: number;
}

export class PriceStream {
  readonly #sink: Sink;
  readonly #limits: StreamLimits;
  readonly #lines: readonly Line[];
  allowStale: boolean;
  #behindSinceMs: number | undefined;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(slots: readonly Slot[], sink: Sink, allowStale: boolean, limits: StreamLimits = STREAM_LIMITS) {
    this.#sink = sink;
    this.#limits = limits;
    this.allowStale = allowStale;
    this.#lines = slots.map((slot) => ({ pair: slot.pair, slot, told: undefined, state: '', toldAtMs: 0 }));
  }

  /** Those that are still declared. */
  slots(): readonly Slot[] {
    return this.#lines.flatMap(({ slot }) => (slot === undefined ? [] : [slot]));
  }

  get size(): number {
    return this.#lines.length;
  }

  /** Sends what is new; the number of events, or `slow` when the client is to be given up. */
  send(round: Round): number | 'slow' {
    const { monotonicMs: nowMs } = round;
    if (this.#sink.pendingBytes > this.#limits.pendingBytesMax) {
      this.#behindSinceMs ??= nowMs;
      return nowMs - this.#behindSinceMs >= this.#limits.slowMs ? 'slow' : 0;
    }
    this.#behindSinceMs = undefined;
    let text = '';
    let events = 0;
    for (const line of this.#lines) {
      const event = this.#eventOf(line, round);
      if (event === undefined) continue;
      text += event;
      events += 1;
    }
    if (text === '' && nowMs - this.#writtenMs < this.#limits.heartbeatMs) return 0;
    this.#writtenMs = nowMs;
    this.#sink.write(text === '' ? HEARTBEAT : text);
    return events;
  }

  #eventOf(line: Line, round: Round): string | undefined {
    if (round.isThorough) line.slot = round.table.slot(line.pair);
    const { slot } = line;
    const record = slot?.record;
    if (record === line.told && !round.isThorough && line.state !== '') return undefined;
    if (slot === undefined) return tellAbsence(line, 'ASSET_UNKNOWN');
    if (record === undefined) return tellAbsence(line, 'PRICE_NOT_AVAILABLE');
    const ageMs = round.ageMsOf(slot);
    const status = round.statusOf(slot, ageMs);
    if (status === 'dead' && !this.allowStale) return tellAbsence(line, 'PRICE_DEAD', ageMs);
    if (!this.#isNews(line, record, status, round.monotonicMs)) return undefined;
    line.told = record;
    line.state = status;
    line.toldAtMs = round.monotonicMs;
    return round.priceEvent(slot, record, ageMs, status);
  }

  #isNews({ told, state, toldAtMs }: Line, record: PriceRecord, status: string, nowMs: number): boolean {
    if (status !== state || told === undefined || record.priceText !== told.priceText) return true;
    return record !== told && nowMs - toldAtMs >= this.#limits.confirmationMs;
  }
}

function tellAbsence(line: Line, code: string, ageMs?: number): string | undefined {
  if (line.state === code) return undefined;
  line.state = code;
  line.told = line.slot?.record;
  const asset = line.slot?.record === undefined ? line.pair : formatPair(line.slot.record);
  return `event: unavailable\ndata: ${JSON.stringify({ asset, code, ...(ageMs !== undefined && { age_ms: ageMs }) })}\n\n`;
}
