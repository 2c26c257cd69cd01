/** What keeps requests for one provider back without asking: a block, or a refusal that still holds; pure. */
import type { RequestClass } from './provider-queue.ts';
import type { ProviderReply } from './provider-script.ts';

export interface Refusal {
  /** When there may be points. */
  readonly untilMs: number;
  /** When it is worth a look, in steps of at most a second: somebody may reset the quota. */
  readonly tryMs: number;
}

interface ClassRefusal extends Refusal {
  readonly cost: number;
}

export const STEP_MS_MAX = 1_000;
/** How soon a look is worth a call. */
const STEP_MS_MIN = 25;

export const stepMs = (waitMs: number): number => Math.min(STEP_MS_MAX, Math.max(STEP_MS_MIN, waitMs));

const NEVER = Number.NEGATIVE_INFINITY;
const NOT_REFUSED: ClassRefusal = { cost: Number.POSITIVE_INFINITY, untilMs: NEVER, tryMs: NEVER };

export class ProviderRefusals {
  readonly #refused: Record<RequestClass, ClassRefusal> = { interactive: NOT_REFUSED, background: NOT_REFUSED };
  #blockedUntilMs = NEVER;
  /** When to ask in spite of a block, which somebody may have lifted. */
  #doubtMs = NEVER;

  /** `undefined`: nothing is known against it. */
  standing(points: number, requestClass: RequestClass, nowMs: number): Refusal | undefined {
    if (nowMs < this.#blockedUntilMs) {
      if (nowMs >= this.#doubtMs) return undefined;
      return { untilMs: this.#blockedUntilMs, tryMs: Math.min(this.#doubtMs, this.#blockedUntilMs) };
    }
    const refusal = this.#refused[requestClass];
    return points >= refusal.cost && nowMs < refusal.tryMs ? refusal : undefined;
  }

  blockedMs(nowMs: number): number {
    return Math.max(0, this.#blockedUntilMs - nowMs);
  }

  block(untilMs: number, nowMs: number): void {
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, untilMs);
    this.#doubtMs = nowMs + STEP_MS_MAX;
  }

  unblock(): void {
    this.#blockedUntilMs = NEVER;
  }

  note(cost: number, requestClass: RequestClass, { waitMs, quota }: ProviderReply, nowMs: number): void {
    if (nowMs < this.#blockedUntilMs) return;
    const untilMs = waitMs === undefined ? Number.POSITIVE_INFINITY : nowMs + waitMs;
    this.#refused[requestClass] = { cost, untilMs, tryMs: nowMs + stepMs(waitMs ?? quota.durationMs) };
  }

  forget(): void {
    this.#refused.interactive = NOT_REFUSED;
    this.#refused.background = NOT_REFUSED;
  }
}
