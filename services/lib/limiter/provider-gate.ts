/**
 * The quota of one provider as one process sees it: serves who waits from its lease, from Valkey, or from its safe share.
 *
 * One call is in flight at a time, for all of one class and cost at the front of the queue. Who is turned down waits on
 * as long as the caller allows, or is told at once when what Valkey has said leaves no hope.
 */
import type { Clock, Timer } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import type { ValkeyClient } from '@weir/valkey';
import { createProviderCall, type ProviderCall } from './provider-call.ts';
import { ProviderLease } from './provider-lease.ts';
import type { GateMetrics } from './provider-metrics.ts';
import { ProviderMode, type Mode } from './provider-mode.ts';
import { ProviderQueue, type PointsWaiter, type RequestClass } from './provider-queue.ts';
import type { Consumption } from './provider-quotas.ts';
import { ProviderRefusals, STEP_MS_MAX, stepMs, type Refusal } from './provider-refusals.ts';
import type { ProviderReply } from './provider-script.ts';
import { ProviderTally } from './provider-tally.ts';
import type { OwnQuota } from './quota-register.ts';
import { takeShare } from './safe-share.ts';

export interface GateOptions {
  readonly provider: string;
  /** What this process has for it now. */
  quota(): OwnQuota;
  readonly decide: Pick<ValkeyClient, 'run' | 'call' | 'health'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly metrics: GateMetrics;
  readonly random: () => number;
  readonly holder: string;
  livePods(): number;
}

export interface GateOverview {
  readonly provider: string;
  readonly type: 'Smooth' | 'Fixed';
  readonly isLocal: boolean;
  readonly running: number;
  readonly queued: number;
  readonly done: number;
}

export interface ProviderGate {
  consume(points: number, requestClass: RequestClass, waitMsMax: number): Promise<Consumption>;
  block(forMs: number): Promise<void>;
  reset(): Promise<void>;
  /** Another Valkey answers: it may not know what the one before has granted. */
  relearn(): void;
  overview(): GateOverview;
  close(): Promise<void>;
}

const BLOCK_MS_MAX = 3_600_000;
/** Of a step, left to chance: processes that wait for one instant do not ask all at once. */
const JITTER = 0.05;
/** How often a process looks whether Valkey is back. */
const LOOK_MS = 100;

export function createProviderGate(options: GateOptions): ProviderGate {
  return new Gate(options);
}

class Gate implements ProviderGate {
  readonly #options: GateOptions;
  readonly #queue = new ProviderQueue();
  readonly #lease: ProviderLease;
  readonly #call: ProviderCall;
  readonly #tally: ProviderTally;
  readonly #mode: ProviderMode;
  readonly #refusals = new ProviderRefusals();
  /** Blocks on their way to Valkey: whatever arrives before does not know of them. */
  #blocking = 0;
  #isAsking = false;
  /** Whom the call in flight is for. */
  #asked = 0;
  #isClosed = false;
  #timer: Timer | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#lease = new ProviderLease(options.clock.monotonicMs());
    this.#call = createProviderCall(options);
    this.#mode = new ProviderMode(options);
    this.#tally = new ProviderTally(options.metrics);
  }

  consume(points: number, requestClass: RequestClass, waitMsMax: number): Promise<Consumption> {
    const sinceMs = this.#now();
    this.#lease.note(points);
    return new Promise((resolve) => {
      const deadlineMs = sinceMs + Math.max(0, waitMsMax);
      this.#queue.push({ points, requestClass, sinceMs, deadlineMs, resolve, hasWaited: false });
      this.#serve(requestClass);
    });
  }

  async block(forMs: number): Promise<void> {
    const blockMs = Math.ceil(Math.min(Math.max(0, forMs), BLOCK_MS_MAX));
    const nowMs = this.#now();
    this.#options.metrics.blocked.add();
    const returned = this.#lease.giveUp(nowMs);
    this.#keepOff(nowMs + blockMs, nowMs);
    this.#serve('interactive');
    // What cannot be told now is told when Valkey is back.
    if (this.#mode.current.kind !== 'cluster') return;
    this.#blocking += 1;
    try {
      await this.#call({ blockMs, returned });
    } finally {
      this.#blocking -= 1;
    }
  }

  async reset(): Promise<void> {
    await this.#options.decide.call('DEL', this.#call.key);
    this.#lease.giveUp(this.#now());
    this.#refusals.forget();
    this.#refusals.unblock();
    this.#mode.forget();
    this.#serve('interactive');
  }

  relearn(): void {
    this.#lease.giveUp(this.#now());
    this.#mode.learn(this.#now());
    this.#serve('interactive');
  }

  overview(): GateOverview {
    const { provider } = this.#options;
    const isLocal = this.#mode.basis === 'local';
    const { running, done } = this.#tally;
    const type = this.#mode.quotaInForce().window;
    return { provider, type, isLocal, running, queued: this.#queue.size + this.#asked, done };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const nowMs = this.#now();
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      this.#tally.refuse(next, 'local', STEP_MS_MAX);
    const returned = this.#lease.giveUp(nowMs);
    // What does not arrive ends with the lease.
    if (returned > 0 && this.#mode.current.kind === 'cluster') await this.#call({ returned }).catch(() => undefined);
  }

  /** Serves, turns down, asks and sets the next look, as things are now. */
  #serve(refillFor: RequestClass): void {
    if (this.#isClosed) return;
    const nowMs = this.#now();
    this.#observe(nowMs);
    const tryMs = this.#mode.current.kind === 'local' ? this.#serveLocally(nowMs) : this.#serveFromLease(nowMs);
    const { head } = this.#queue;
    if (this.#mode.current.kind === 'cluster' && !this.#isAsking && tryMs <= nowMs) {
      const isRefill =
        head === undefined && this.#lease.isLow(nowMs) && this.#refusals.standing(1, refillFor, nowMs) === undefined;
      if (head !== undefined || isRefill) void this.#ask(head?.requestClass ?? refillFor, nowMs);
    }
    this.#lookAgain(tryMs, nowMs);
  }

  #observe(nowMs: number): void {
    if (this.#mode.observe(nowMs)) this.#refusals.forget();
    const { current } = this.#mode;
    if (current.kind === 'learning' && !current.isTold && !this.#isAsking) void this.#tell(current, nowMs);
  }

  /** Answers when the head may be tried again; now or before: at once. */
  #serveFromLease(nowMs: number): number {
    for (let { head } = this.#queue; head !== undefined; { head } = this.#queue) {
      const refusal = this.#standing(head, nowMs);
      if (refusal !== undefined) {
        this.#turnDown(head.requestClass, refusal.untilMs, nowMs);
        if (this.#queue.head === head || this.#queue.head === undefined) return refusal.tryMs;
      } else if (!this.#lease.take(head.points, head.requestClass, nowMs)) {
        return nowMs;
      } else {
        this.#queue.shift();
        this.#tally.admit(head, 'cluster');
      }
    }
    return nowMs;
  }

  #serveLocally(nowMs: number): number {
    const { current } = this.#mode;
    if (current.kind !== 'local') return nowMs;
    const terms = { quota: this.#mode.quotaInForce(), livePods: this.#options.livePods() };
    for (let { head } = this.#queue; head !== undefined; { head } = this.#queue) {
      const request = { ...terms, cost: head.points, isBackground: head.requestClass === 'background' };
      const waitMs = this.#refusals.blockedMs(nowMs) || takeShare(current.share, request, nowMs);
      if (waitMs > 0) {
        this.#turnDown(head.requestClass, nowMs + waitMs, nowMs);
        if (this.#queue.head === head || this.#queue.head === undefined) return nowMs + stepMs(waitMs);
      } else {
        this.#queue.shift();
        this.#tally.admit(head, 'local');
      }
    }
    return nowMs;
  }

  /** What keeps a request back without asking. */
  #standing({ points, requestClass }: PointsWaiter, nowMs: number): Refusal | undefined {
    const { current } = this.#mode;
    if (current.kind === 'learning') {
      const untilMs = Math.max(nowMs + 1, current.untilMs);
      return { untilMs, tryMs: untilMs };
    }
    return this.#refusals.standing(points, requestClass, nowMs);
  }

  async #ask(requestClass: RequestClass, sentMs: number): Promise<void> {
    this.#isAsking = true;
    const batch = this.#queue.takeBatch();
    this.#asked = batch.length;
    const ahead = this.#lease.wanted(sentMs);
    const held = ahead > 0 ? this.#lease.points(sentMs) : 0;
    const cost = batch[0]?.points ?? 1;
    try {
      const reply = await this.#call({ cost, count: batch.length, requestClass, ahead, held });
      this.#adopt(reply);
      this.#lease.adopt(reply, { ahead, held, sentMs });
      for (const waiter of batch.splice(0, reply.admitted)) this.#tally.admit(waiter, 'cluster');
      if (batch.length > 0) this.#refusals.note(cost, requestClass, reply, this.#now());
    } catch (err) {
      // Nobody knows what became of the call: points that it may have taken are never spent.
      this.#mode.noteFailure(err, this.#now());
    }
    for (const waiter of batch) waiter.hasWaited = true;
    this.#queue.putBack(batch);
    this.#asked = 0;
    this.#isAsking = false;
    if (this.#isClosed) for (const waiter of batch) this.#tally.refuse(waiter, 'local', STEP_MS_MAX);
    else this.#serve(requestClass);
  }

  async #tell(mode: Extract<Mode, { kind: 'learning' }>, nowMs: number): Promise<void> {
    this.#isAsking = true;
    const blockMs = Math.ceil(this.#refusals.blockedMs(nowMs));
    try {
      this.#adopt(await this.#call({ ...this.#mode.arrears(mode.share), blockMs }));
      mode.isTold = true;
    } catch (err) {
      this.#mode.noteFailure(err, this.#now());
    }
    this.#isAsking = false;
    this.#serve('interactive');
  }

  #adopt(reply: ProviderReply): void {
    const nowMs = this.#now();
    const { blockedMs } = reply;
    this.#mode.adopt(reply, nowMs);
    if (blockedMs > 0) this.#keepOff(nowMs + blockedMs, nowMs);
    // Somebody has reset the quota: what was said before it does not hold.
    else if (this.#mode.current.kind === 'cluster' && this.#blocking === 0) this.#refusals.unblock();
  }

  #keepOff(untilMs: number, nowMs: number): void {
    this.#lease.giveUp(nowMs);
    this.#refusals.block(untilMs, nowMs);
  }

  /** Those who will not wait so long. */
  #turnDown(requestClass: RequestClass, untilMs: number, nowMs: number): void {
    const { durationMs } = this.#mode.quotaInForce();
    const retryAfterMs = Number.isFinite(untilMs) ? untilMs - nowMs : durationMs;
    for (const waiter of this.#queue.takeHopeless(requestClass, untilMs)) {
      this.#tally.refuse(waiter, this.#mode.basis, retryAfterMs);
    }
  }

  #lookAgain(tryMs: number, nowMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const isWaiting = this.#queue.size > 0 && !this.#isAsking;
    if (!isWaiting && this.#mode.current.kind === 'cluster') return;
    const waitMs = Math.max(1, tryMs - nowMs);
    const jitterMs = waitMs * JITTER * this.#options.random();
    const patienceMs = Math.max(waitMs, this.#queue.earliestDeadlineMs() - nowMs);
    const soonMs = isWaiting ? Math.min(waitMs + jitterMs, patienceMs) : LOOK_MS;
    const delayMs = this.#mode.current.kind === 'cluster' ? soonMs : Math.min(soonMs, LOOK_MS);
    this.#timer = this.#options.clock.setTimeout(() => this.#serve('interactive'), delayMs);
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }
}
