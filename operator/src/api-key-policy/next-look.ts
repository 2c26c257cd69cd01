/** When the keys of a policy are looked at again though nothing was heard of them. Pure. */
import type { KeyReport } from './key-report.ts';

/** While a store is away, or a Secret about to go. */
const RETRY_MS = 3_000;
/**
 * Secrets are read, never watched: how long one that was deleted or changed by hand goes unnoticed. Many keys are read less
 * often, from 800 on, so that at rest all together ask the API server 40 times a second at most: a fifth of what the client
 * may ask unless it is told otherwise. Up to 1,200 keys, drift is found within 30 s.
 */
const SECRETS_MS = 20_000;
const SECRET_MS = 25;

/** `keyCount`: keys of all policies. `undefined`: only when something changes. */
export function nextLookAtMs(report: KeyReport, keyCount: number, nowMs: number): number | undefined {
  const { keys, postgresFault, cacheFault } = report;
  const isHeldUp =
    postgresFault !== undefined ||
    cacheFault !== undefined ||
    keys.some(({ state }) => state.kind === 'pending' || state.kind === 'unreachable');
  const looks = [
    // Every key is read again then too: an outage must not use up what the API server allows.
    ...(isHeldUp ? [nowMs + Math.max(RETRY_MS, keyCount * SECRET_MS)] : []),
    ...(keys.length > 0 ? [nowMs + Math.max(SECRETS_MS, keyCount * SECRET_MS)] : []),
    ...keys.flatMap(({ dueAtMs }) => dueAtMs ?? []),
  ];
  return looks.length === 0 ? undefined : Math.min(...looks);
}
