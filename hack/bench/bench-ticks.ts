/**
 * How many price frames a second one core takes in: Weir's decoders against the parser of ccxt on the same frames, which
 * simulated venues have sent. Rounds alternate; figures are medians.
 */
import { collectFrames, type VenueFrames } from './collect-frames.ts';
import { loadCcxt, type CcxtParser } from './ccxt-parser.ts';
import { median, round } from './numbers.ts';

export interface TicksBenchOptions {
  readonly rounds: number;
  /** Of each venue. */
  readonly frames: number;
}

export interface TicksBenchResult {
  readonly bench: 'ticks';
  /** Frames decoded by one core, all venues in equal parts. */
  readonly ticks_per_second: number;
  readonly ratio_to_ccxt: number;
}

export const TICKS_BENCH_DEFAULTS: TicksBenchOptions = { rounds: 15, frames: 5_000 };

const WARM_UP_ROUNDS = 3;

const say = (text: string): void => console.error(text);

interface Subject {
  readonly id: string;
  readonly frames: readonly string[];
  readonly decode: (frame: string) => void;
  readonly ccxt: CcxtParser;
}

export async function benchTicks(options: TicksBenchOptions): Promise<TicksBenchResult> {
  const createCcxt = await loadCcxt();
  // ccxt speaks the archived protocol of Gemini only: there both take that one.
  const collected = await collectFrames(options.frames, (id, venue, url) => {
    if (id !== 'gemini') return { venue, url };
    const archived = new URL('/v2/marketdata', url).href;
    return { venue: venue.at?.(archived) ?? venue, url: archived };
  });
  const subjects = [...collected].map(([id, { venue, frames }]: [string, VenueFrames]): Subject => {
    const subject = { id, frames, decode: (frame: string) => void venue.decode(frame), ccxt: createCcxt(id) };
    subject.ccxt.parse(frames[0] ?? '');
    if (subject.ccxt.understood() === 0) throw new Error(`ccxt makes nothing of ${id}: ${frames[0]}`);
    return subject;
  });
  return report(subjects, measure(subjects, options.rounds));
}

interface Times {
  readonly ours: number[];
  readonly theirs: number[];
}

function measure(subjects: readonly Subject[], rounds: number): ReadonlyMap<Subject, Times> {
  const times = new Map<Subject, Times>(subjects.map((subject) => [subject, { ours: [], theirs: [] }]));
  for (let number = -WARM_UP_ROUNDS; number < rounds; number += 1) {
    for (const [{ frames, decode, ccxt }, { ours, theirs }] of times) {
      const ourUs = microsecondsPerFrame(frames, decode);
      const theirUs = microsecondsPerFrame(frames, (frame) => ccxt.parse(frame));
      if (number < 0) continue;
      ours.push(ourUs);
      theirs.push(theirUs);
    }
  }
  return times;
}

function microsecondsPerFrame(frames: readonly string[], take: (frame: string) => void): number {
  const startMs = performance.now();
  for (const frame of frames) take(frame);
  return ((performance.now() - startMs) * 1_000) / frames.length;
}

function report(subjects: readonly Subject[], times: ReadonlyMap<Subject, Times>): TicksBenchResult {
  let ours = 0;
  let theirs = 0;
  for (const subject of subjects) {
    const ourUs = median(times.get(subject)?.ours ?? []);
    const theirUs = median(times.get(subject)?.theirs ?? []);
    ours += ourUs;
    theirs += theirUs;
    say(
      `${subject.id.padEnd(9)} ${ourUs.toFixed(2)} µs a frame, ccxt ${theirUs.toFixed(2)} µs: ${(theirUs / ourUs).toFixed(1)} times`,
    );
  }
  return {
    bench: 'ticks',
    ticks_per_second: Math.round((subjects.length * 1e6) / ours),
    ratio_to_ccxt: round(theirs / ours, 2),
  };
}
