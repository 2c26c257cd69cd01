/** Turns what the API server answers, or what kept it from answering, into a KubeError. */
import { isRecord } from './is-record.ts';
import { KubeError, type KubeErrorCause, type KubeErrorKind } from './kube-error.ts';

export interface FailedAnswer {
  readonly code: number;
  /** Text of the answer, mostly the JSON of a Status. */
  readonly body: string;
  /** Header `Retry-After`. */
  readonly retryAfter?: string | undefined;
  /** For the time in a `Retry-After` that is a date. */
  readonly nowMs: number;
}

const MESSAGE_LENGTH_MAX = 2_000;

/** Server-side apply answers with 500 and without a reason when an object does not fit its schema. */
const SCHEMA_FAULT = /failed to (create|convert) (manager|typed patch object|new object|live object|.*smd typed)/;

const KINDS_BY_REASON: Readonly<Record<string, KubeErrorKind>> = {
  AlreadyExists: 'exists',
  Conflict: 'conflict',
  NotFound: 'notFound',
  Gone: 'gone',
  Expired: 'gone',
  Invalid: 'rejected',
  BadRequest: 'rejected',
  Forbidden: 'forbidden',
  Unauthorized: 'unauthorized',
  TooManyRequests: 'throttled',
  Timeout: 'unavailable',
  ServerTimeout: 'unavailable',
};

const KINDS_BY_CODE: Readonly<Record<number, KubeErrorKind>> = {
  400: 'rejected',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  405: 'rejected',
  406: 'rejected',
  409: 'conflict',
  410: 'gone',
  413: 'rejected',
  415: 'rejected',
  422: 'rejected',
  429: 'throttled',
};

export function readFailedAnswer({ code, body, retryAfter, nowMs }: FailedAnswer): KubeError {
  const status = parseStatus(body);
  const afterMs = retryAfterMsOf(retryAfter, nowMs);
  return statusError({ ...status, code, message: status.message ?? `HTTP ${code}: ${body}` }, afterMs);
}

/** A Status as it stands in a watch event of type ERROR. */
export function readStatusObject(object: unknown): KubeError {
  const status = statusOf(object);
  return statusError({ ...status, message: status.message ?? 'the watch was ended without a reason' });
}

interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly causes?: readonly KubeErrorCause[];
  readonly retryAfterSeconds?: number;
}

function statusError(status: Status, retryAfterMs?: number): KubeError {
  const { code = 0, reason = '', message = '', causes = [] } = status;
  const afterMs = retryAfterMs ?? (status.retryAfterSeconds === undefined ? undefined : status.retryAfterSeconds * 1e3);
  return new KubeError({
    kind: kindOf(code, reason, message),
    code,
    reason,
    message: message.slice(0, MESSAGE_LENGTH_MAX),
    causes,
    ...(afterMs !== undefined && { retryAfterMs: afterMs }),
  });
}

function kindOf(code: number, reason: string, message: string): KubeErrorKind {
  if (code === 500 && SCHEMA_FAULT.test(message)) return 'rejected';
  return KINDS_BY_REASON[reason] ?? KINDS_BY_CODE[code] ?? 'unavailable';
}

function parseStatus(body: string): Status {
  try {
    return statusOf(JSON.parse(body));
  } catch {
    // A proxy in between, or a server that is going down, answers with any text.
    return {};
  }
}

function statusOf(value: unknown): Status {
  if (!isRecord(value)) return {};
  const details = isRecord(value['details']) ? value['details'] : {};
  const { code, reason, message } = value;
  const { retryAfterSeconds } = details;
  return {
    ...(typeof code === 'number' && { code }),
    ...(typeof reason === 'string' && { reason }),
    ...(typeof message === 'string' && { message }),
    causes: causesOf(details['causes']),
    ...(typeof retryAfterSeconds === 'number' && retryAfterSeconds > 0 && { retryAfterSeconds }),
  };
}

function causesOf(value: unknown): readonly KubeErrorCause[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).map(({ field, reason, message }) => ({
    ...(typeof field === 'string' && { field }),
    ...(typeof reason === 'string' && { reason }),
    ...(typeof message === 'string' && { message }),
  }));
}

function retryAfterMsOf(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined || header === '') return undefined;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - nowMs : seconds * 1e3;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
