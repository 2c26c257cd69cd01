/** Answers requests that have been waiting for Valkey, in the order in which they came. */
import type { Answers } from './answers.ts';
import type { DecisionReply } from './decision-script.ts';
import { endLease, type KeyState, type Waiter } from './key-state.ts';
import type { Outage } from './outage.ts';

/** The batch that a reply is for: as many as it admits, from the oldest on. */
export function answerBatch(
  answers: Answers,
  state: KeyState,
  batch: readonly Waiter[],
  reply: Pick<DecisionReply, 'admitted' | 'waitMs'>,
): void {
  for (const [index, waiter] of batch.entries()) {
    const isAdmitted = index < reply.admitted;
    waiter.resolve(
      isAdmitted ? answers.admit(state, 'valkey') : answers.refuse(state, waiter.request, 'valkey', reply.waitMs),
    );
  }
}

export function fallBackAll(answers: Answers, state: KeyState, waiters: readonly Waiter[], nowMs: number): void {
  for (const { request, resolve } of waiters) resolve(answers.fallBack(state, request, nowMs));
}

/** Those who came meanwhile and can be answered without asking; the others wait on. */
export function answerFromHand(
  { answers, outage }: { readonly answers: Answers; readonly outage: Outage },
  state: KeyState,
  nowMs: number,
): void {
  if (state.waiting.length === 0) return;
  endLease(state, nowMs);
  if (outage.isActive(nowMs)) {
    fallBackAll(answers, state, state.waiting.splice(0), nowMs);
    return;
  }
  state.waiting = state.waiting.filter(({ request, resolve }) => {
    if (!request.dryRun && request.cost <= state.leasedTokens && nowMs < state.leaseEndMs) {
      state.leasedTokens -= request.cost;
      resolve(answers.admit(state, 'lease'));
      return false;
    }
    if (request.cost >= state.refusedCost && nowMs < state.refusedUntilMs) {
      resolve(answers.refuse(state, request, 'lease', state.refusedUntilMs - nowMs));
      return false;
    }
    return true;
  });
}
