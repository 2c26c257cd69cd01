/** What became of the keys of one policy in one turn. */

export type KeyState =
  | { readonly kind: 'active' }
  | { readonly kind: 'expired' }
  /** Its Secret holds no valid text. */
  | { readonly kind: 'malformed'; readonly problem: string }
  /** Its Secret holds the text of another key. */
  | { readonly kind: 'conflicted'; readonly owner: string }
  /** Its Secret holds the text of a revoked key. */
  | { readonly kind: 'revoked' }
  /** Its Secret is about to go. */
  | { readonly kind: 'pending' }
  /** Its Secret could not be read or written. */
  | { readonly kind: 'unreachable'; readonly problem: string };

/** issued, reissued, rotated: a text that we made. taken: one that was there, whoever put it there. */
export type KeyHappening = 'issued' | 'reissued' | 'rotated' | 'taken';

export interface KeyOutcome {
  readonly name: string;
  readonly secretName: string;
  readonly state: KeyState;
  readonly happening?: KeyHappening;
  /** Rotation is asked for, and the Secret is not ours to write. */
  readonly isNeverRotated: boolean;
  /** When something becomes due by the clock alone. */
  readonly dueAtMs?: number;
}

export interface KeyReport {
  readonly keys: readonly KeyOutcome[];
  /** Names of the keys that the policy does not ask for any more. */
  readonly withdrawn: readonly string[];
  /** Why Postgres could not be brought up to date; the keys are as they were. */
  readonly postgresFault?: Error;
  /** Why Valkey may hold keys in an older form. */
  readonly cacheFault?: Error;
}
