/** Why a call to the API server failed, and whether the same call can work later. */

/**
 * conflict: the object is newer than the one it was based on, or an uid does not match. exists: a name is taken.
 * rejected: the object itself is wrong (also what server-side apply answers with 500). forbidden: rights are missing or
 * the namespace is going. gone: a resource version is too old. fenced: this process may not write any more.
 * unavailable: everything else that passes by itself.
 */
export type KubeErrorKind =
  | 'conflict'
  | 'exists'
  | 'notFound'
  | 'rejected'
  | 'forbidden'
  | 'unauthorized'
  | 'gone'
  | 'throttled'
  | 'timeout'
  | 'aborted'
  | 'fenced'
  | 'unavailable';

export interface KubeErrorCause {
  readonly field?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface KubeErrorOptions {
  readonly kind: KubeErrorKind;
  /** What the server says, fit for a condition; never a body that was sent. */
  readonly message: string;
  /** HTTP status; 0 when no answer came. */
  readonly code?: number;
  /** Of the server's Status: `AlreadyExists`, `Invalid`. */
  readonly reason?: string;
  readonly causes?: readonly KubeErrorCause[];
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

export class KubeError extends Error {
  readonly kind: KubeErrorKind;
  readonly code: number;
  readonly reason: string;
  readonly causes: readonly KubeErrorCause[];
  readonly retryAfterMs: number | undefined;

  constructor(options: KubeErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = options.kind;
    this.code = options.code ?? 0;
    this.reason = options.reason ?? '';
    this.causes = options.causes ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }

  override get name(): string {
    return 'KubeError';
  }
}

export function isKubeError(value: unknown, kind?: KubeErrorKind): value is KubeError {
  return value instanceof KubeError && (kind === undefined || value.kind === kind);
}

/** Whether it is of no use to try again before something changes: the server turned an object down for what is in it. */
export function isTerminal(error: unknown): boolean {
  return isKubeError(error, 'rejected');
}
