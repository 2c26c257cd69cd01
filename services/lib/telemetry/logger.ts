/** The JSON logger of a process: one line per event on stdout, with trace ids inside a span and without secrets. */
import { pino } from 'pino';
import { redactLine } from './redaction.ts';
import { currentSpan } from './tracing.ts';

export type Logger = pino.Logger;

export interface LoggerOptions {
  readonly service: string;
  /** trace, debug, info (default), warn, error, fatal or silent. */
  readonly level?: string;
  /** stdout by default. */
  readonly destination?: pino.DestinationStream;
  /** Fields of every line. */
  readonly base?: object;
}

export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level ?? 'info',
      base: { service: options.service, ...options.base },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: traceFields,
      // The finished line is the one place that bindings of children, serializers and nested objects all pass.
      hooks: { streamWrite: redactLine },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

/** A new object each time: pino adds the fields of the line to it. */
function traceFields(): object {
  const span = currentSpan();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}
