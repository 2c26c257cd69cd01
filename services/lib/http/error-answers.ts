/** Turns whatever a request ends in into a problem: WeirErrors, Fastify's own errors, unknown routes, broken requests. */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { isWeirError, type ErrorCode } from '@weir/errors';
import type { Clock } from '@weir/clock';
import type { HotCounter, Logger, Telemetry } from '@weir/telemetry';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEM_MEDIA_TYPE, problemOf, sendProblem, type ProblemSource } from './problem.ts';
import { describeFaults, fieldFaults } from './validation.ts';

export interface ErrorAnswers {
  readonly onError: (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;
  /** For errors before any route is found, such as a URL that cannot be decoded. */
  readonly onFrameworkError: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => void;
  /** For what is no HTTP request. */
  readonly onClientError: (error: Error & { code?: string }, socket: Socket) => void;
}

export interface ErrorAnswersOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Pick<Telemetry, 'counter'>;
}

/** A flood of failing requests must not become a flood of lines. */
const LOG_PERIOD_MS = 1_000;

export function createErrorAnswers(options: ErrorAnswersOptions): ErrorAnswers {
  const log = createErrorLog(options);
  const answer = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const source = isWeirError(error) ? error : (readFastifyError(error, request) ?? internalProblem());
    if (problemOf(source).status >= 500) log(source, error, request);
    void sendProblem(reply, source);
  };
  return { onError: answer, onFrameworkError: answer, onClientError: answerClientError };
}

/** The instance ties the answer to the line in the log. */
function internalProblem(): ProblemSource {
  return { code: 'INTERNAL', extensions: { instance: `urn:uuid:${randomUUID()}` } };
}

/** `undefined` for what is no fault of the caller: its text may hold anything and stays in the log. */
function readFastifyError(error: unknown, request: FastifyRequest): ProblemSource | undefined {
  if (!(error instanceof Error)) return undefined;
  // Fastify adds these members to errors it made; each is checked before use.
  const { code, statusCode, validation, validationContext, message } = error as Partial<FastifyError> & Error;
  if (validation !== undefined) {
    const errors = fieldFaults(validationContext ?? 'body', validation);
    return { code: 'INVALID_REQUEST', detail: describeFaults(errors), extensions: { errors } };
  }
  const isFastify = typeof code === 'string' && code.startsWith('FST_ERR_');
  if (!isFastify || statusCode === undefined || statusCode >= 500) return undefined;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return { code: 'MEDIA_TYPE_UNSUPPORTED' };
  if (code !== 'FST_ERR_CTP_BODY_TOO_LARGE') return { code: 'INVALID_REQUEST', detail: message };
  return { code: 'BODY_TOO_LARGE', detail: `The body is larger than ${request.routeOptions.bodyLimit} bytes.` };
}

type LogError = (source: ProblemSource, error: unknown, request: FastifyRequest) => void;

function createErrorLog({ clock, logger, telemetry }: ErrorAnswersOptions): LogError {
  const counters = new Map<ErrorCode, { counter: HotCounter; loggedMs: number; suppressed: number }>();
  const entryOf = (code: ErrorCode): { counter: HotCounter; loggedMs: number; suppressed: number } => {
    const known = counters.get(code);
    if (known !== undefined) return known;
    const description = 'Answers with a server error that a route threw';
    const counter = telemetry.counter('weir.http.server.errors', { description, attributes: { code } });
    const entry = { counter, loggedMs: Number.NEGATIVE_INFINITY, suppressed: 0 };
    counters.set(code, entry);
    return entry;
  };
  // There from the start, so that its first increase is seen as one.
  entryOf('INTERNAL');
  return (source, err, request) => {
    const entry = entryOf(source.code);
    entry.counter.add();
    const nowMs = clock.monotonicMs();
    if (nowMs - entry.loggedMs < LOG_PERIOD_MS) {
      entry.suppressed += 1;
      return;
    }
    const { method, routeOptions } = request;
    const instance = source.extensions?.['instance'];
    const fields = { err, method, route: routeOptions.url, code: source.code, instance, suppressed: entry.suppressed };
    if (source.code === 'INTERNAL') logger.error(fields, 'request failed');
    else logger.warn(fields, 'request refused');
    entry.loggedMs = nowMs;
    entry.suppressed = 0;
  };
}

const CLIENT_ERROR_CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

const REASON_PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = CLIENT_ERROR_CODES[error.code ?? ''] ?? 'INVALID_REQUEST';
  const detail = code === 'INVALID_REQUEST' ? 'This is not a valid HTTP request.' : undefined;
  const problem = problemOf({ code, detail });
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${REASON_PHRASES[problem.status] ?? ''}\r\nConnection: close\r\n` +
      `Content-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    // The end alone closes one half: a peer that never closes its own would keep the socket, and a stop, for as long.
    () => socket.destroy(),
  );
}
