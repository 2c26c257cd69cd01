/** The one error class that crosses package boundaries: a code of the catalogue, a public text and a private cause. */
import { errorCatalogue, type ErrorCode } from './catalogue.ts';

export interface WeirErrorOptions {
  /** What happened this time, for the caller to read: never a key, a host, SQL or another secret. */
  readonly detail?: string;
  /** For the log alone. */
  readonly cause?: unknown;
  /** Further public members of a problem document, e.g. the limit that was hit. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export class WeirError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  /** Public text. */
  readonly detail: string;
  readonly extensions: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, options: WeirErrorOptions = {}) {
    const entry = errorCatalogue[code];
    const detail = options.detail ?? entry.title;
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = entry.status;
    this.retryable = entry.retryable;
    this.detail = detail;
    this.extensions = options.extensions;
  }

  override get name(): string {
    return 'WeirError';
  }
}

/** Whether an unknown value is a WeirError, of the given code if one is given. */
export function isWeirError(value: unknown, code?: ErrorCode): value is WeirError {
  return value instanceof WeirError && (code === undefined || value.code === code);
}
