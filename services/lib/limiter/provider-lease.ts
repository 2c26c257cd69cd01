/** What a process holds on lease of one provider's quota, and how much it wants; pure. */
import { LEASE_MARGIN_MS, LEASE_MS_MAX } from './lease-terms.ts';
import type { ProviderReply } from './provider-script.ts';
import type { RequestClass } from './provider-queue.ts';

/** Below this a lease would strand more than it saves. */
const LEASED_DEMAND_PER_SECOND = 10;
/** A lease covers this share of its life, so that a steady caller spends all of it. */
const LEASE_FILL = 0.6;
const REFILL_AT = 0.25;
const DEMAND_WINDOW_MS = 250;

export class ProviderLease {
  #points = 0;
  #endMs = Number.NEGATIVE_INFINITY;
  #refillAt = 0;
  /** Whether, as Valkey last told it, more was there than background has to leave. */
  #isPlenty = false;
  #demandPerSecond = 0;
  #demandSeen = 0;
  #demandSinceMs: number;

  constructor(nowMs: number) {
    this.#demandSinceMs = nowMs;
  }

  note(points: number): void {
    this.#demandSeen += points;
  }

  points(nowMs: number): number {
    // Checked when they are spent: a process that was paused holds nothing any more.
    if (nowMs >= this.#endMs) this.#points = 0;
    return this.#points;
  }

  take(points: number, requestClass: RequestClass, nowMs: number): boolean {
    if (this.points(nowMs) < points || (requestClass === 'background' && !this.#isPlenty)) return false;
    this.#points -= points;
    return true;
  }

  isLow(nowMs: number): boolean {
    return this.points(nowMs) > 0 && this.#points <= this.#refillAt;
  }

  /** Points wanted beyond those in hand. */
  wanted(nowMs: number): number {
    this.#measure(nowMs);
    if (this.#demandPerSecond < LEASED_DEMAND_PER_SECOND) return 0;
    const points = Math.floor((this.#demandPerSecond * LEASE_MS_MAX * LEASE_FILL) / 1_000);
    return Math.max(0, points - this.points(nowMs));
  }

  /** Lets go of all; answers how many there were. */
  giveUp(nowMs: number): number {
    const points = this.points(nowMs);
    this.#points = 0;
    return points;
  }

  adopt(reply: ProviderReply, call: { readonly ahead: number; readonly held: number; readonly sentMs: number }): void {
    this.#isPlenty = reply.level > reply.reserve;
    if (call.ahead === 0 || reply.admitted + reply.granted === 0) return;
    // What was held has been spent from meanwhile; what Valkey knew nothing of any more is gone.
    const left = call.held === 0 ? 0 : Math.min(this.#points, reply.kept);
    this.#points = left + reply.granted;
    // From before sending, so that it ends here before it ends at the server, however long the answer took.
    this.#endMs = call.sentMs + reply.leaseMs - LEASE_MARGIN_MS;
    this.#refillAt = Math.floor(this.#points * REFILL_AT);
  }

  /** Long silence weighs more than a busy moment. */
  #measure(nowMs: number): void {
    const elapsedMs = nowMs - this.#demandSinceMs;
    if (elapsedMs < DEMAND_WINDOW_MS) return;
    const seenPerSecond = (this.#demandSeen * 1_000) / elapsedMs;
    const weight = elapsedMs / (elapsedMs + DEMAND_WINDOW_MS);
    this.#demandPerSecond += (seenPerSecond - this.#demandPerSecond) * weight;
    this.#demandSeen = 0;
    this.#demandSinceMs = nowMs;
  }
}
