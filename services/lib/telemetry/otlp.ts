/** Export over OTLP/HTTP. A collector that is away, slow or hostile costs spans and points, never the process. */
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { Resource } from '@opentelemetry/resources';
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricProducer,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';
import type { HotCounter, Metrics } from './metrics.ts';
import { redactText } from './redaction.ts';

export interface OtlpOptions {
  /** Base address, e.g. "http://collector:4318"; the paths of the signals are added. */
  readonly endpoint: string;
  readonly resource: Resource;
  readonly producer: MetricProducer;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly metricIntervalMs: number;
  readonly spanIntervalMs: number;
}

export interface Otlp {
  readonly spanProcessor: SpanProcessor;
  closeMetrics(): Promise<void>;
}

const EXPORT_TIMEOUT_MS = 5_000;

export function createOtlp(options: OtlpOptions): Otlp {
  const base = options.endpoint.replace(/\/+$/, '');
  const traceExporter: SpanExporter = new OTLPTraceExporter({
    url: `${base}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const metricExporter: PushMetricExporter = new OTLPMetricExporter({
    url: `${base}/v1/metrics`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  watchExports(traceExporter, watcherOf('traces', options));
  watchExports(metricExporter, watcherOf('metrics', options));
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: options.metricIntervalMs,
    exportTimeoutMillis: Math.min(EXPORT_TIMEOUT_MS, options.metricIntervalMs),
    metricProducers: [options.producer],
  });
  const meterProvider = new MeterProvider({ resource: options.resource, readers: [reader] });
  return {
    spanProcessor: new BatchSpanProcessor({
      exporter: traceExporter,
      scheduledDelayMillis: options.spanIntervalMs,
      exportTimeoutMillis: EXPORT_TIMEOUT_MS,
    }),
    closeMetrics: () => meterProvider.shutdown(),
  };
}

interface ExportWatcher {
  readonly failures: HotCounter;
  readonly signal: string;
  readonly logger: Logger;
}

function watcherOf(signal: string, { metrics, logger }: OtlpOptions): ExportWatcher {
  const failures = metrics.counter('weir.telemetry.export.failures', {
    description: 'Batches that the collector did not take',
    attributes: { signal },
  });
  return { failures, signal, logger };
}

interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void;
}

/** Counts failures and logs the first of a series and the end of it: the SDK itself would stay silent. */
function watchExports<T>(exporter: Exporter<T>, { failures, signal, logger }: ExportWatcher): void {
  const send = exporter.export.bind(exporter);
  let isFailing = false;
  exporter.export = (items, done) =>
    send(items, (result) => {
      const hasFailed = result.code !== ExportResultCode.SUCCESS;
      if (hasFailed) failures.add();
      if (hasFailed && !isFailing)
        logger.warn({ signal, reason: redactText(result.error?.message ?? 'unknown') }, 'telemetry export fails');
      if (!hasFailed && isFailing) logger.info({ signal }, 'telemetry export works again');
      isFailing = hasFailed;
      done(result);
    });
}
