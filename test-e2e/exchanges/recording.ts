/** Reads a recording and paces it: JSON lines with `dir`, `t` (seconds) and `raw`, or one bare frame per line. */
import type { Clock } from '@weir/clock';
import { asObject } from './protocol.ts';

export interface RecordedFrame {
  /** Since the recording's first frame. */
  readonly atMs: number;
  readonly frame: string;
}

/** Only what the venue sent (`dir` "in"), in order of time. */
export function readRecording(lines: readonly string[]): RecordedFrame[] {
  const frames: { readonly seconds: number; readonly frame: string }[] = [];
  for (const line of lines) {
    if (line.trim() === '') continue;
    const fields = asObject(JSON.parse(line));
    if (fields?.['_provenance'] !== undefined) continue;
    const raw = fields?.['raw'];
    if (fields?.['dir'] === undefined) frames.push({ seconds: 0, frame: line });
    else if (fields['dir'] === 'in' && typeof raw === 'string')
      frames.push({ seconds: Number(fields['t']), frame: raw });
  }
  const ordered = frames.toSorted((a, b) => a.seconds - b.seconds);
  const start = ordered[0]?.seconds ?? 0;
  return ordered.map(({ seconds, frame }) => ({ atMs: (seconds - start) * 1000, frame }));
}

export interface Pacing {
  readonly clock: Clock;
  /** 1 is the recording's own pace; Infinity sends at once. */
  readonly speed: number;
  readonly signal: AbortSignal;
}

/** Sends every frame no earlier than its time; resolves after the last, or at once when aborted. */
export function playRecording(
  frames: readonly RecordedFrame[],
  { clock, speed, signal }: Pacing,
  send: (frame: string) => void,
): Promise<void> {
  const startMs = clock.monotonicMs();
  let next = 0;
  return new Promise((resolve) => {
    const sendDue = (): void => {
      if (signal.aborted) return resolve();
      const elapsedMs = (clock.monotonicMs() - startMs) * speed;
      let due = frames[next];
      // Infinity times zero elapsed is NaN, and everything is due.
      while (due !== undefined && !(due.atMs > elapsedMs)) {
        send(due.frame);
        next += 1;
        due = frames[next];
      }
      if (due === undefined) return resolve();
      clock.setTimeout(sendDue, Math.max(1, (due.atMs - elapsedMs) / speed));
    };
    signal.addEventListener('abort', () => resolve(), { once: true });
    sendDue();
  });
}
