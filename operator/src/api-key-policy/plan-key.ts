/** What is to be done about one key, from its Secret and the time. Pure. */
import type { PolicyKey } from '@weir/wire';
import type { KeySecret } from './key-secret.ts';

export type KeyPlan =
  /** There is no Secret: one with a new text is written. */
  | { readonly kind: 'create' }
  /** The text that is there counts. */
  | {
      readonly kind: 'take';
      readonly sha256: string;
      /** When those before it end; absent: at once. */
      readonly othersEndAtMs?: number;
      /** It has served its time: once it counts, another one takes its place, and it works until then. */
      readonly rotatesUntilMs?: number;
    }
  /** No text counts, and those before end. */
  | { readonly kind: 'invalid'; readonly problem: string }
  /** The Secret is about to go; until then nothing changes. */
  | { readonly kind: 'wait' }
  /** There is no Secret and none is needed: the key has expired. */
  | { readonly kind: 'absent' };

/** `key` as the compiled policy has it; `secret` is `undefined` when there is none. */
export function planKey(key: PolicyKey, secret: KeySecret | undefined, nowMs: number): KeyPlan {
  if (secret === undefined) return { kind: hasExpired(key, nowMs) ? 'absent' : 'create' };
  if (secret.isGoing || secret.origin === 'predecessor') return { kind: 'wait' };
  const { sha256, previousUntilMs, problem = 'holds no key' } = secret;
  if (sha256 === undefined) return { kind: 'invalid', problem };
  const dueMs = rotationDueMs(key, secret);
  const isDue = dueMs !== undefined && dueMs <= nowMs && !hasExpired(key, nowMs);
  return {
    kind: 'take',
    sha256,
    ...(previousUntilMs !== undefined && { othersEndAtMs: previousUntilMs }),
    ...(isDue && { rotatesUntilMs: nowMs + (key.rotate?.overlapMs ?? 0) }),
  };
}

export const hasExpired = ({ expiresAtMs }: PolicyKey, nowMs: number): boolean =>
  expiresAtMs !== undefined && expiresAtMs <= nowMs;

/** When the key gets its next text; `undefined`: never. One of ours that has lost its date is rotated at once. */
export function rotationDueMs({ rotate }: PolicyKey, secret: KeySecret): number | undefined {
  if (rotate === undefined || secret.origin !== 'own') return undefined;
  return secret.issuedAtMs === undefined ? 0 : secret.issuedAtMs + rotate.everyMs;
}
