/** One HTTP call to the API server: with a deadline, counted, and with a KubeError for whatever goes wrong. */
import type { Clock, Timer } from '@weir/clock';
import type { Agent, Dispatcher } from 'undici';
import type { ClientMetrics } from './client-metrics.ts';
import { isKubeError, KubeError } from './kube-error.ts';
import type { Pool, PooledKubeConfig } from './pooled-kube-config.ts';
import { readFailedAnswer } from './read-status.ts';
import { queryText, type Query } from './resource-path.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ApiRequest {
  readonly method: Method;
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
  /** Throws to keep a request from being sent. Asked again in the very moment in which the first byte would leave. */
  readonly guard?: (() => void) | undefined;
}

export interface TransportOptions {
  readonly config: PooledKubeConfig;
  readonly clock: Clock;
  readonly metrics: ClientMetrics;
  /** Whose connections its calls take; `calls` when absent. */
  readonly pool?: Exclude<Pool, 'watches'>;
}

const DEFAULT_CALL_TIMEOUT_MS = 30_000;

export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The parsed answer. Rejects with a KubeError for any status but 2xx. */
  async send(request: ApiRequest): Promise<unknown> {
    const deadline = startDeadline(this.#options.clock, request);
    try {
      const response = await this.#dispatch(request, this.#options.pool ?? 'calls', deadline.signal);
      const text = await response.body.text();
      return text === '' ? undefined : JSON.parse(text);
    } catch (err) {
      throw toKubeError(err, deadline, request);
    } finally {
      deadline.end();
    }
  }

  /** A watch: the deadline is that of the first byte of the answer, `signal` ends the stream. */
  async open(request: ApiRequest): Promise<AsyncIterable<Uint8Array>> {
    const deadline = startDeadline(this.#options.clock, request);
    try {
      const response = await this.#dispatch(request, 'watches', deadline.signal);
      deadline.stopTimer();
      return response.body;
    } catch (err) {
      deadline.end();
      throw toKubeError(err, deadline, request);
    }
  }

  async #dispatch(request: ApiRequest, pool: Pool, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { config, metrics, clock } = this.#options;
    const { method, path, query = {}, body, contentType = 'application/json', guard } = request;
    guard?.();
    const connection = await config.connection();
    const startedMs = clock.monotonicMs();
    let code = '<error>';
    try {
      const response = await guarded(connection.agents[pool], guard).request({
        origin: new URL(connection.server).origin,
        path: `${new URL(connection.server).pathname.replace(/\/$/, '')}${path}${queryText(query)}`,
        method,
        headers: { ...connection.headers, ...(body !== undefined && { 'content-type': contentType }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal,
      });
      code = String(response.statusCode);
      if (response.statusCode < 300) return response;
      if (response.statusCode === 401) config.forgetLogin();
      const retryAfter = response.headers['retry-after'];
      throw readFailedAnswer({
        code: response.statusCode,
        body: await response.body.text(),
        retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
        nowMs: clock.nowMs(),
      });
    } finally {
      metrics.count({ method, code, host: connection.host, seconds: (clock.monotonicMs() - startedMs) / 1e3 });
    }
  }
}

/** Between the first check of a guard and the first byte may lie a connection, a queue, or the freezing of the process. */
function guarded(agent: Agent, guard: (() => void) | undefined): Dispatcher {
  if (guard === undefined) return agent;
  return agent.compose((dispatch) => (options, handler) => {
    const checked: Dispatcher.DispatchHandler = Object.create(handler) as Dispatcher.DispatchHandler;
    checked.onRequestStart = (controller, context: unknown) => {
      handler.onRequestStart?.(controller, context);
      try {
        guard();
      } catch (err) {
        controller.abort(err instanceof Error ? err : new Error(String(err)));
      }
    };
    return dispatch(options, checked);
  });
}

interface Deadline {
  readonly signal: AbortSignal;
  readonly isPassed: boolean;
  /** The time no longer counts; the caller's signal still does. */
  stopTimer(): void;
  end(): void;
}

function startDeadline(clock: Clock, { signal, timeoutMs = DEFAULT_CALL_TIMEOUT_MS }: ApiRequest): Deadline {
  const controller = new AbortController();
  let isPassed = false;
  const onAbort = (): void => controller.abort(signal?.reason);
  const timer: Timer = clock.setTimeout(() => {
    isPassed = true;
    controller.abort(new Error(`no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    get isPassed() {
      return isPassed;
    },
    stopTimer: () => timer.cancel(),
    end() {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

function toKubeError(err: unknown, deadline: Deadline, { method, path, signal }: ApiRequest): KubeError {
  if (isKubeError(err)) return err;
  const what = `${method} ${path}`;
  if (signal?.aborted === true) return new KubeError({ kind: 'aborted', message: `${what}: given up`, cause: err });
  if (deadline.isPassed) return new KubeError({ kind: 'timeout', message: `${what}: no answer in time`, cause: err });
  const reason = err instanceof Error ? err.message : String(err);
  return new KubeError({ kind: 'unavailable', message: `${what}: ${reason}`, cause: err });
}
