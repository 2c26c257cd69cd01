import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import { createFakeClock } from '@weir/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ATTRIBUTE_SETS_MAX, createMetrics, type Metrics } from './metrics.ts';

let metrics: Metrics;

beforeEach(() => {
  metrics = createMetrics(createFakeClock());
});

const find = (name: string): MetricData | undefined =>
  metrics.collect().metrics.find(({ descriptor }) => descriptor.name === name);

const points = (name: string): unknown[] =>
  (find(name)?.dataPoints ?? []).map(({ attributes, value }) => ({ attributes, value }));

describe('counter', () => {
  it('adds one, or what it is told', () => {
    const counter = metrics.counter('weir.test', { description: 'Test', unit: '{call}' });
    counter.add();
    counter.add(41);
    expect(counter.value).toBe(42);
    expect(find('weir.test')).toMatchObject({ dataPointType: DataPointType.SUM, isMonotonic: true });
    expect(points('weir.test')).toEqual([{ attributes: {}, value: 42 }]);
  });

  it('is one object per name and attributes, in whatever order they come', () => {
    const counterOf = (attributes: Record<string, string>) =>
      metrics.counter('weir.test', { description: 'Test', attributes });
    expect(counterOf({ a: '1', b: '2' })).toBe(counterOf({ b: '2', a: '1' }));
    expect(counterOf({ a: '1', b: '2' })).not.toBe(counterOf({ a: '1', b: '3' }));
  });

  it('collects what is beyond the bound of attributes under one overflow', () => {
    for (let n = 0; n < ATTRIBUTE_SETS_MAX + 10; n += 1)
      metrics.counter('weir.test', { description: 'Test', attributes: { n } }).add();
    const overflow = { attributes: { 'otel.metric.overflow': true }, value: 10 };
    expect(points('weir.test')).toHaveLength(ATTRIBUTE_SETS_MAX + 1);
    expect(points('weir.test')).toContainEqual(overflow);
    expect(metrics.counter('weir.test', { description: 'Test', attributes: { n: 3 } }).value).toBe(1);
  });

  it('refuses to be two things under one name', () => {
    metrics.counter('weir.test', { description: 'Test' });
    expect(() => metrics.counter('weir.test', { description: 'Other' })).toThrow('weir.test is declared twice');
    expect(() => metrics.counter('weir.test', { description: 'Test', unit: 's' })).toThrow('declared twice');
    expect(() => metrics.gauge('weir.test', { description: 'Test' }, () => 1)).toThrow('declared twice');
  });
});

describe('histogram', () => {
  it('counts a value in the first bucket whose bound it does not exceed', () => {
    const bounds = fc.uniqueArray(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 20 });
    const values = fc.array(fc.double({ noNaN: true, min: -2e6, max: 2e6 }));
    fc.assert(
      fc.property(bounds, values, (unsorted, recorded) => {
        const boundaries = unsorted.toSorted((a, b) => a - b);
        const own = createMetrics(createFakeClock());
        const histogram = own.histogram('weir.test', { description: 'Test', unit: 's', boundaries });
        const counts = Array.from({ length: boundaries.length + 1 }, () => 0);
        for (const value of recorded) {
          histogram.record(value);
          const bucket = boundaries.findIndex((bound) => value <= bound);
          const at = bucket === -1 ? boundaries.length : bucket;
          counts[at] = (counts[at] ?? 0) + 1;
        }
        const [point] = own.collect().metrics[0]?.dataPoints ?? [];
        expect(point?.value).toMatchObject({ buckets: { boundaries, counts }, count: recorded.length });
        expect(histogram.count).toBe(recorded.length);
      }),
    );
  });

  it('keeps the sum and drops what is no number', () => {
    const histogram = metrics.histogram('weir.test', { description: 'Test', unit: 's', boundaries: [1] });
    for (const value of [0.5, Number.NaN, 2]) histogram.record(value);
    expect({ sum: histogram.sum, count: histogram.count }).toEqual({ sum: 2.5, count: 2 });
  });

  it('hands out a snapshot that later records do not change', () => {
    const histogram = metrics.histogram('weir.test', { description: 'Test', unit: 's', boundaries: [1] });
    const before = points('weir.test');
    histogram.record(0);
    expect(before).toMatchObject([{ value: { count: 0, buckets: { counts: [0, 0] } } }]);
  });
});

describe('gauge', () => {
  it('is read when somebody collects', () => {
    let level = 1;
    metrics.gauge('weir.test', { description: 'Test' }, () => level);
    level = 7;
    expect(points('weir.test')).toEqual([{ attributes: {}, value: 7 }]);
  });

  it('has a point per set of attributes, the last reader winning', () => {
    const pointsOf = (value: number) => () => [
      { value, attributes: { a: 'x' } },
      { value, attributes: { a: `only ${value}` } },
    ];
    metrics.gauge('weir.test', { description: 'Test' }, pointsOf(1));
    metrics.gauge('weir.test', { description: 'Test' }, pointsOf(2));
    expect(points('weir.test')).toEqual([
      { attributes: { a: 'x' }, value: 2 },
      { attributes: { a: 'only 1' }, value: 1 },
      { attributes: { a: 'only 2' }, value: 2 },
    ]);
  });

  it('that throws leaves everything else readable', () => {
    metrics.gauge('weir.broken', { description: 'Test' }, () => {
      throw new Error('closed');
    });
    metrics.counter('weir.test', { description: 'Test' }).add();
    expect(metrics.collect().errors).toEqual([new Error('closed')]);
    expect(points('weir.test')).toEqual([{ attributes: {}, value: 1 }]);
  });
});
