/**
 * Instruments that cost an addition, and their collection in OpenTelemetry's data model.
 *
 * The hot path touches plain numbers only; names, attributes and points meet when somebody collects. Every instrument
 * is cumulative since the creation of the registry.
 */
import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import { AggregationTemporality, DataPointType, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics';
import type { Clock } from '@weir/clock';

export type { Attributes };

export interface HotCounter {
  add(count?: number): void;
  readonly value: number;
}

export interface HotHistogram {
  record(value: number): void;
  readonly count: number;
  readonly sum: number;
}

export interface CounterOptions {
  readonly description: string;
  readonly unit?: string;
  readonly attributes?: Attributes;
}

export interface HistogramOptions {
  readonly description: string;
  readonly unit: string;
  /** Inclusive upper bounds, ascending. */
  readonly boundaries: readonly number[];
  readonly attributes?: Attributes;
}

export interface GaugeOptions {
  readonly description: string;
  readonly unit?: string;
}

export interface GaugePoint {
  readonly value: number;
  readonly attributes: Attributes;
}

export type ReadGauge = () => number | readonly GaugePoint[];

/** Sets of attributes per name; what goes beyond is counted together under `otel.metric.overflow`. */
export const ATTRIBUTE_SETS_MAX = 500;

const OVERFLOW: Attributes = { 'otel.metric.overflow': true };

class PlainCounter implements HotCounter {
  value = 0;

  add(count = 1): void {
    this.value += count;
  }
}

class PlainHistogram implements HotHistogram {
  readonly boundaries: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(boundaries: readonly number[]) {
    this.boundaries = boundaries;
    this.counts = new Float64Array(boundaries.length + 1);
  }

  get count(): number {
    return this.counts.reduce((total, count) => total + count, 0);
  }

  record(value: number): void {
    if (Number.isNaN(value)) return;
    const { boundaries } = this;
    let low = 0;
    let high = boundaries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      // In range by construction; the comparison with undefined would be false and end the search all the same.
      if (value > (boundaries[middle] as number)) low = middle + 1;
      else high = middle;
    }
    this.counts[low] = (this.counts[low] as number) + 1;
    this.sum += value;
  }

  snapshot(): Histogram {
    return {
      buckets: { boundaries: [...this.boundaries], counts: [...this.counts] },
      sum: this.sum,
      count: this.count,
    };
  }
}

type Kind = 'counter' | 'histogram' | 'gauge';

interface Series<T> {
  readonly attributes: Attributes;
  readonly instrument: T;
}

interface Family {
  readonly kind: Kind;
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly counters: Map<string, Series<PlainCounter>>;
  readonly histograms: Map<string, Series<PlainHistogram>>;
  readonly gauges: ReadGauge[];
}

export interface Metrics {
  readonly counter: (name: string, options: CounterOptions) => HotCounter;
  readonly histogram: (name: string, options: HistogramOptions) => HotHistogram;
  readonly gauge: (name: string, options: GaugeOptions, read: ReadGauge) => void;
  /** Errors are those that gauges threw; every other instrument is in the result all the same. */
  collect(): { metrics: MetricData[]; errors: unknown[] };
}

export function createMetrics(clock: Pick<Clock, 'nowMs'>): Metrics {
  const families = new Map<string, Family>();
  const startTime = millisToHrTime(clock.nowMs());

  const familyOf = (kind: Kind, name: string, options: GaugeOptions): Family => {
    const known = families.get(name);
    const { description, unit = '' } = options;
    if (known === undefined) {
      const family = { kind, name, description, unit, counters: new Map(), histograms: new Map(), gauges: [] };
      families.set(name, family);
      return family;
    }
    if (known.kind !== kind || known.unit !== unit || known.description !== description)
      throw new Error(`metric ${name} is declared twice, as two different things`);
    return known;
  };

  return {
    counter(name, options) {
      const { counters } = familyOf('counter', name, options);
      return seriesOf(counters, options.attributes, () => new PlainCounter());
    },
    histogram(name, options) {
      const { histograms } = familyOf('histogram', name, options);
      return seriesOf(histograms, options.attributes, () => new PlainHistogram(options.boundaries));
    },
    gauge(name, options, read) {
      familyOf('gauge', name, options).gauges.push(read);
    },
    collect() {
      const errors: unknown[] = [];
      const times = { startTime, endTime: millisToHrTime(clock.nowMs()) };
      return { metrics: [...families.values()].map((family) => collectFamily(family, times, errors)), errors };
    },
  };
}

/** The same text for the same attributes in any order. */
function attributesKey(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function seriesOf<T>(known: Map<string, Series<T>>, attributes: Attributes = {}, create: () => T): T {
  const isFull = known.size >= ATTRIBUTE_SETS_MAX && !known.has(attributesKey(attributes));
  const kept = isFull ? OVERFLOW : attributes;
  const key = attributesKey(kept);
  const found = known.get(key);
  if (found !== undefined) return found.instrument;
  const instrument = create();
  known.set(key, { attributes: kept, instrument });
  return instrument;
}

interface Times {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

function collectFamily(family: Family, times: Times, errors: unknown[]): MetricData {
  const { name, description, unit } = family;
  const descriptor = { name, description, unit, valueType: ValueType.DOUBLE };
  const aggregationTemporality = AggregationTemporality.CUMULATIVE;
  if (family.kind === 'counter') {
    const dataPoints = [...family.counters.values()].map((series) => ({
      ...times,
      attributes: series.attributes,
      value: series.instrument.value,
    }));
    return { descriptor, aggregationTemporality, dataPointType: DataPointType.SUM, dataPoints, isMonotonic: true };
  }
  if (family.kind === 'histogram') {
    const dataPoints = [...family.histograms.values()].map((series) => ({
      ...times,
      attributes: series.attributes,
      value: series.instrument.snapshot(),
    }));
    return { descriptor, aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = readGauges(family.gauges, errors).map((point) => ({ ...times, ...point }));
  return { descriptor, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints };
}

/** One point per set of attributes, the last registered reader winning: two points would make the scrape invalid. */
function readGauges(reads: readonly ReadGauge[], errors: unknown[]): GaugePoint[] {
  const points = new Map<string, GaugePoint>();
  for (const read of reads) {
    try {
      const result = read();
      const list = typeof result === 'number' ? [{ value: result, attributes: {} }] : result;
      for (const { value, attributes } of list) {
        const key = attributesKey(attributes);
        if (points.size < ATTRIBUTE_SETS_MAX || points.has(key)) points.set(key, { value, attributes });
      }
    } catch (err) {
      errors.push(err);
    }
  }
  return [...points.values()];
}
