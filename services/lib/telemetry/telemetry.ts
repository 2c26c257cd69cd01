/** Puts metrics, traces and their export together for one process. */
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import type { MetricProducer, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { sleep, type Clock } from '@weir/clock';
import type { Logger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createOtlp, type Otlp } from './otlp.ts';
import { measureProcess } from './process-metrics.ts';
import { createTracing, type Tracing } from './tracing.ts';

export interface TelemetryOptions {
  readonly service: string;
  readonly version: string;
  /** Unique among the replicas, e.g. the pod name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Base address of an OTLP/HTTP collector; without one nothing leaves the process but by scrape. */
  readonly otlpEndpoint?: string | undefined;
  /** Share of root spans that are kept; 0.01 by default. */
  readonly traceSampleRatio?: number;
  readonly random?: () => number;
  readonly metricIntervalMs?: number;
  readonly spanIntervalMs?: number;
}

export interface Telemetry extends Pick<Metrics, 'counter' | 'histogram' | 'gauge'> {
  readonly tracing: Tracing;
  /** Prometheus text format. */
  scrape(): Promise<string>;
  /** Sends what is left, for at most 3 s; never rejects. */
  close(): Promise<void>;
}

export const DEFAULT_TRACE_SAMPLE_RATIO = 0.01;

const CLOSE_TIMEOUT_MS = 3_000;

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { service, version, clock, logger } = options;
  const resource = resourceFromAttributes({
    [ATTR_SERVICE_NAME]: service,
    [ATTR_SERVICE_VERSION]: version,
    'service.namespace': 'weir',
    'service.instance.id': options.instance,
  });
  const metrics = createMetrics(clock);
  const stopMeasuring = measureProcess(metrics, clock);
  const collect = createCollect({ service, version }, resource, metrics, logger);
  const otlp = openOtlp(options, { resource, metrics, producer: { collect: () => Promise.resolve(collect()) } });
  const tracing = createTracing({
    service,
    version,
    resource,
    processors: otlp === undefined ? [] : [otlp.spanProcessor],
    sampleRatio: options.traceSampleRatio ?? DEFAULT_TRACE_SAMPLE_RATIO,
    random: options.random ?? Math.random,
  });
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return {
    counter: metrics.counter,
    histogram: metrics.histogram,
    gauge: metrics.gauge,
    tracing,
    scrape: () => Promise.resolve(serializer.serialize(collect().resourceMetrics)),
    async close() {
      stopMeasuring();
      const sent = Promise.allSettled([tracing.close(), otlp?.closeMetrics()]);
      const abort = new AbortController();
      await Promise.race([sent, sleep(clock, CLOSE_TIMEOUT_MS, abort.signal)]);
      abort.abort();
    },
  };
}

function openOtlp(
  options: TelemetryOptions,
  parts: { resource: Resource; metrics: Metrics; producer: MetricProducer },
): Otlp | undefined {
  if (options.otlpEndpoint === undefined) return undefined;
  return createOtlp({
    ...parts,
    endpoint: options.otlpEndpoint,
    logger: options.logger,
    metricIntervalMs: options.metricIntervalMs ?? 30_000,
    spanIntervalMs: options.spanIntervalMs ?? 5_000,
  });
}

type Collect = () => { resourceMetrics: ResourceMetrics; errors: unknown[] };

/** A gauge that throws is left out and logged once, not with every scrape. */
function createCollect(
  scope: { service: string; version: string },
  resource: Resource,
  metrics: Metrics,
  logger: Logger,
): Collect {
  let hasLogged = false;
  return () => {
    const collected = metrics.collect();
    const [err] = collected.errors;
    if (err !== undefined && !hasLogged) logger.error({ err }, 'a gauge cannot be read');
    hasLogged ||= err !== undefined;
    const scopeMetrics = [{ scope: { name: scope.service, version: scope.version }, metrics: collected.metrics }];
    return { resourceMetrics: { resource, scopeMetrics }, errors: collected.errors };
  };
}
