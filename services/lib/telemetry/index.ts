/**
 * Logs, metrics and traces of one process.
 *
 * Guarantees: a counter costs an addition and a histogram a binary search, with no allocation; an unsampled span costs
 * no object; secrets do not reach the logs; a collector that is away never hurts the process. Nothing is registered
 * globally, so a process may hold many telemetries. Does not: write access logs, patch other libraries (which a bundle
 * would defeat), or keep attributes of unbounded cardinality.
 */
export { createLogger, type Logger, type LoggerOptions } from './logger.ts';
export {
  ATTRIBUTE_SETS_MAX,
  type Attributes,
  type CounterOptions,
  type GaugeOptions,
  type GaugePoint,
  type HistogramOptions,
  type HotCounter,
  type HotHistogram,
  type ReadGauge,
} from './metrics.ts';
export { redactText } from './redaction.ts';
export { createTelemetry, DEFAULT_TRACE_SAMPLE_RATIO, type Telemetry, type TelemetryOptions } from './telemetry.ts';
export { currentSpan, type Span, type SpanOptions, type Tracing } from './tracing.ts';
