/** Metrics and spans as they leave the process: by scrape and to a real collector, present or not. */
import { systemClock } from '@weir/clock';
import { createLogger, createTelemetry, type Logger, type Telemetry, type TelemetryOptions } from '@weir/telemetry';
import { createFakeClock, waitFor } from '@weir/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCollector, type Collector } from './collector.ts';
import { parsePrometheus } from './prometheus-text.ts';

let lines: { msg: string; signal?: string }[];
let logger: Logger;
let collector: Collector;

beforeEach(async () => {
  lines = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as { msg: string }) };
  logger = createLogger({ service: 'price', destination });
  collector = await startCollector();
});

afterEach(() => collector.stop());

function create(options: Partial<TelemetryOptions> = {}): Telemetry {
  const identity = { service: 'price', version: '1.2.3', instance: 'price-0' };
  return createTelemetry({ ...identity, clock: systemClock, logger, traceSampleRatio: 1, ...options });
}

function useInstruments(telemetry: Telemetry): void {
  telemetry.counter('weir.price.calls', { description: 'Calls', attributes: { tier: 'T1' } }).add(41);
  telemetry.counter('weir.price.calls', { description: 'Calls', attributes: { tier: 'T2' } }).add(1);
  const histogram = telemetry.histogram('weir.price.duration', {
    description: 'Time',
    unit: 's',
    boundaries: [0.1, 1],
  });
  for (const seconds of [0.05, 0.1, 0.5, 5]) histogram.record(seconds);
  telemetry.gauge('weir.feeds', { description: 'Feeds' }, () => [{ value: 3, attributes: { state: 'o"k\\\n' } }]);
}

describe('scrape', () => {
  it('gives every instrument in the text format of Prometheus', async () => {
    const telemetry = create();
    useInstruments(telemetry);
    const samples = parsePrometheus(await telemetry.scrape());
    expect(samples).toEqual(
      expect.arrayContaining([
        {
          name: 'target_info',
          labels: {
            service_name: 'price',
            service_version: '1.2.3',
            service_namespace: 'weir',
            service_instance_id: 'price-0',
          },
          value: 1,
        },
        { name: 'weir_price_calls_total', labels: { tier: 'T1' }, value: 41 },
        { name: 'weir_price_calls_total', labels: { tier: 'T2' }, value: 1 },
        { name: 'weir_price_duration_bucket', labels: { le: '0.1' }, value: 2 },
        { name: 'weir_price_duration_bucket', labels: { le: '1' }, value: 3 },
        { name: 'weir_price_duration_bucket', labels: { le: '+Inf' }, value: 4 },
        { name: 'weir_price_duration_count', labels: {}, value: 4 },
        { name: 'weir_feeds', labels: { state: String.raw`o\"k\\\n` }, value: 3 },
      ]),
    );
    await telemetry.close();
  });

  it('gives event loop delay, memory and age of the process', async () => {
    const telemetry = create();
    const samples = parsePrometheus(await telemetry.scrape());
    const valueOf = (name: string): number | undefined => samples.find((sample) => sample.name === name)?.value;
    expect(valueOf('nodejs_eventloop_delay_p99')).toBeGreaterThanOrEqual(0);
    expect(valueOf('process_memory_usage')).toBeGreaterThan(10_000_000);
    expect(valueOf('process_uptime')).toBeGreaterThanOrEqual(0);
    await telemetry.close();
  });

  it('sees that the event loop was blocked', async () => {
    const telemetry = create();
    await waitFor(async () => {
      const endMs = systemClock.monotonicMs() + 100;
      while (systemClock.monotonicMs() < endMs);
      const samples = parsePrometheus(await telemetry.scrape());
      return (samples.find(({ name }) => name === 'nodejs_eventloop_delay_p99')?.value ?? 0) > 0.05;
    });
    await telemetry.close();
  });

  it('logs a gauge that throws once, and gives the rest', async () => {
    const telemetry = create();
    telemetry.gauge('weir.broken', { description: 'Broken' }, () => {
      throw new Error('closed');
    });
    await telemetry.scrape();
    expect(parsePrometheus(await telemetry.scrape()).length).toBeGreaterThan(0);
    expect(lines.filter(({ msg }) => msg === 'a gauge cannot be read')).toHaveLength(1);
    await telemetry.close();
  });

  it('keeps telemetries of one process apart', async () => {
    const first = create();
    const second = create();
    first.counter('weir.only.first', { description: 'First' }).add();
    expect(await second.scrape()).not.toContain('weir_only_first');
    await first.close();
    expect(await second.scrape()).toContain('process_uptime');
    await second.close();
  });
});

describe('OTLP', () => {
  it('sends metrics and spans to the collector, at the latest when it closes', async () => {
    const telemetry = create({ otlpEndpoint: `${collector.url}/` });
    useInstruments(telemetry);
    const span = telemetry.tracing.start('GET /price', { kind: 'server', attributes: { tier: 'T1' } });
    span?.end();
    await telemetry.close();
    const sent = (path: string): string => JSON.stringify(collector.received.filter((post) => post.path === path));
    expect(sent('/v1/traces')).toContain(`"traceId":"${span?.traceId}"`);
    expect(sent('/v1/traces')).toContain('"name":"GET /price"');
    expect(sent('/v1/metrics')).toContain('"name":"weir.price.calls"');
    expect(sent('/v1/metrics')).toContain('"asDouble":41');
    expect(sent('/v1/metrics')).toContain('"bucketCounts":[2,1,1],"explicitBounds":[0.1,1]');
    expect(sent('/v1/metrics')).toContain('"stringValue":"price-0"');
  });

  it('sends metrics periodically', async () => {
    const telemetry = create({ otlpEndpoint: collector.url, metricIntervalMs: 20 });
    await waitFor(() => collector.received.length >= 2);
    await telemetry.close();
  });

  it('sends nothing without an endpoint', async () => {
    const telemetry = create();
    telemetry.tracing.start('x')?.end();
    await telemetry.close();
    expect(collector.received).toEqual([]);
  });

  it('survives a collector that refuses: counts, and logs the first failure and the return', async () => {
    collector.status = 400;
    const telemetry = create({ otlpEndpoint: collector.url, metricIntervalMs: 20 });
    const failures = telemetry.counter('weir.telemetry.export.failures', {
      description: 'Batches that the collector did not take',
      attributes: { signal: 'metrics' },
    });
    await waitFor(() => failures.value >= 2);
    const logged = (msg: string): unknown[] => lines.filter((line) => line.msg === msg && line.signal === 'metrics');
    expect(logged('telemetry export fails')).toHaveLength(1);
    collector.status = 200;
    await waitFor(() => logged('telemetry export works again').length === 1);
    await telemetry.close();
  });

  it('survives a collector that is not there', async () => {
    await collector.stop();
    const clock = createFakeClock();
    const telemetry = create({ otlpEndpoint: collector.url, clock });
    telemetry.tracing.start('x')?.end();
    const closing = telemetry.close();
    await waitFor(() => lines.some(({ msg }) => msg === 'telemetry export fails'));
    await expect(closing).resolves.toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });

  it('waits for a collector that hangs 3 s at most when it closes', async () => {
    collector.status = undefined;
    const clock = createFakeClock();
    const telemetry = create({ otlpEndpoint: collector.url, clock });
    telemetry.tracing.start('x')?.end();
    let isClosed = false;
    const closing = telemetry.close().then(() => (isClosed = true));
    await waitFor(() => collector.received.length === 2);
    await clock.advance(2_999);
    expect(isClosed).toBe(false);
    await clock.advance(1);
    expect(isClosed).toBe(true);
    await closing;
  });
});
