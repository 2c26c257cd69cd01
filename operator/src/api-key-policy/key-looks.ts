/**
 * When the keys of each policy were last looked at, and what was found. A policy that is looked at for another reason, such
 * as the proof it waits for, does not ask for its Secrets each time.
 */
import type { Clock } from '@weir/clock';
import type { ObjectKey } from '../kube/index.ts';
import type { KeyReport } from './key-report.ts';
import { nextLookAtMs } from './next-look.ts';

export interface KeyLook {
  readonly report: KeyReport;
  /** Wall time; absent: when something changes. */
  readonly nextAtMs?: number;
}

interface Known extends KeyLook {
  readonly tag: string;
  readonly atMs: number;
}

/** Postgres may be edited by hand too; the resync comes by less often. */
const LIFE_MS = 300_000;

export class KeyLooks {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #known = new Map<ObjectKey, Known>();

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  /** `tag` stands for all that the look depends on besides time and Secrets; `keyCount`: keys of all policies. */
  async look(key: ObjectKey, tag: string, keyCount: number, settle: () => Promise<KeyReport>): Promise<KeyLook> {
    const known = this.#known.get(key);
    const nowMs = this.#clock.nowMs();
    const isFresh =
      known?.tag === tag &&
      // A wall clock that was set back must not make a look last for hours.
      nowMs >= known.atMs &&
      nowMs < Math.min(known.nextAtMs ?? Infinity, known.atMs + LIFE_MS);
    if (isFresh) return known;
    this.#known.delete(key);
    const report = await settle();
    const nextAtMs = nextLookAtMs(report, keyCount, this.#clock.nowMs());
    const look: KeyLook = { report, ...(nextAtMs !== undefined && { nextAtMs }) };
    // What happened has happened once.
    this.#known.set(key, { ...look, tag, atMs: nowMs, report: withoutHappenings(report) });
    return look;
  }

  forget(key: ObjectKey): void {
    this.#known.delete(key);
  }
}

function withoutHappenings(report: KeyReport): KeyReport {
  return { ...report, withdrawn: [], keys: report.keys.map(({ happening: _told, ...key }) => key) };
}
