/** A span for a request that is sampled; for every other one a random number and nothing else. */
import type { Span, Tracing } from '@weir/telemetry';
import type { FastifyRequest } from 'fastify';

const SERVER_SPAN = { kind: 'server' } as const;

/** The caller's `traceparent` decides when there is one, else chance. */
export function startRequestSpan(tracing: Tracing, name: string, request: FastifyRequest): Span | undefined {
  const { traceparent } = request.headers;
  if (typeof traceparent !== 'string') return tracing.start(name, SERVER_SPAN);
  return tracing.start(name, { parent: traceparent, kind: 'server' });
}

/** Runs a handler as the current span and ends it with the handler. */
export async function inSpan(span: Span, handle: () => void | Promise<void>): Promise<void> {
  try {
    await span.run(handle);
  } catch (err) {
    span.recordError(err);
    throw err;
  } finally {
    span.end();
  }
}
