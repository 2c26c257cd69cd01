import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { emptyResource } from '@opentelemetry/resources';
import { WeirError } from '@weir/errors';
import { beforeEach, describe, expect, it } from 'vitest';
import { createTracing, currentSpan, type Tracing } from './tracing.ts';

const SAMPLED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const UNSAMPLED = SAMPLED.replace(/1$/, '0');

let exporter: InMemorySpanExporter;
let draws: number;
let chance: number;
let tracing: Tracing;

beforeEach(() => {
  exporter = new InMemorySpanExporter();
  draws = 0;
  chance = 0.5;
  tracing = createTracing({
    service: 'test',
    version: '1',
    resource: emptyResource(),
    processors: [new SimpleSpanProcessor({ exporter })],
    sampleRatio: 0.01,
    random: () => {
      draws += 1;
      return chance;
    },
  });
});

describe('sampling', () => {
  it('leaves a root to chance, one draw each', () => {
    expect(tracing.start('root')).toBeUndefined();
    chance = 0.0099;
    expect(tracing.start('root')).toBeDefined();
    expect(draws).toBe(2);
  });

  it('follows the flag of the parent, without a draw', () => {
    chance = 0;
    expect(tracing.start('child', { parent: UNSAMPLED })).toBeUndefined();
    chance = 1;
    expect(tracing.start('child', { parent: SAMPLED })?.traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(draws).toBe(0);
  });

  it('reads only the sampled bit of the flags', () => {
    expect(tracing.start('child', { parent: SAMPLED.replace(/01$/, '03') })).toBeDefined();
    expect(tracing.start('child', { parent: SAMPLED.replace(/01$/, '02') })).toBeUndefined();
    expect(tracing.start('child', { parent: SAMPLED.replace(/01$/, 'ff') })).toBeDefined();
  });

  it.each([
    '',
    'x',
    SAMPLED.toUpperCase(),
    `01${SAMPLED.slice(2)}`,
    SAMPLED.replace(/-\w{16}-/, `-${'0'.repeat(16)}-`),
    `${SAMPLED}-x`,
  ])('takes "%s" for no parent', (parent) => {
    expect(tracing.start('root', { parent })).toBeUndefined();
    expect(draws).toBe(1);
  });

  it('follows the current span, and makes no root by startChild', () => {
    chance = 0;
    expect(tracing.startChild('call')).toBeUndefined();
    chance = 1;
    const root = tracing.start('root', { parent: SAMPLED });
    root?.run(() => {
      expect(tracing.start('a')?.traceId).toBe(root.traceId);
      expect(tracing.startChild('b')?.traceId).toBe(root.traceId);
    });
    expect(draws).toBe(0);
  });
});

describe('a span', () => {
  it('names its parent, kind and attributes when it ends', () => {
    const root = tracing.start('root', { parent: SAMPLED, kind: 'server', attributes: { route: '/price' } });
    const child = root?.run(() => tracing.startChild('GET', { kind: 'client' }));
    child?.end();
    root?.setAttribute('status', 200);
    root?.end();
    const [first, second] = exporter.getFinishedSpans();
    expect(first).toMatchObject({ name: 'GET', kind: 2, parentSpanContext: { spanId: root?.spanId } });
    expect(second).toMatchObject({ name: 'root', kind: 1, attributes: { route: '/price', status: 200 } });
    expect(second?.parentSpanContext).toMatchObject({ spanId: 'b7ad6b7169203331', isRemote: true });
  });

  it('hands its own id to the next process, as sampled', () => {
    const span = tracing.start('root', { parent: SAMPLED });
    expect(span?.traceparent).toBe(`00-${span?.traceId}-${span?.spanId}-01`);
    expect(tracing.start('next', { parent: span?.traceparent })?.traceId).toBe(span?.traceId);
  });

  it('is current within run alone, also after an error', () => {
    const span = tracing.start('root', { parent: SAMPLED });
    expect(() =>
      span?.run(() => {
        expect(currentSpan()).toBe(span);
        throw new Error('x');
      }),
    ).toThrow('x');
    expect(currentSpan()).toBeUndefined();
  });

  it.each([
    [
      new WeirError('VALKEY_TIMEOUT', { cause: new Error('GET apikey:1') }),
      'VALKEY_TIMEOUT',
      'Valkey did not answer in time',
    ],
    [new TypeError('cannot reach redis://u:hunter2@v'), 'TypeError', 'cannot reach redis://[Redacted]@v'],
    ['a text', 'Unknown', ''],
  ])('records an error without its secrets: %s', (err, type, message) => {
    const span = tracing.start('root', { parent: SAMPLED });
    span?.recordError(err);
    span?.end();
    const [ended] = exporter.getFinishedSpans();
    expect(ended).toMatchObject({ status: { code: 2, message }, attributes: { 'error.type': type } });
    expect(JSON.stringify(ended?.events)).toBe('[]');
  });

  it('keeps attributes within bounds of number and length', () => {
    const span = tracing.start('root', { parent: SAMPLED });
    for (let n = 0; n < 100; n += 1) span?.setAttribute(`a${n}`, 'x'.repeat(1_000));
    span?.end();
    const attributes = Object.values(exporter.getFinishedSpans()[0]?.attributes ?? {});
    expect(attributes).toHaveLength(32);
    expect(attributes[0]).toHaveLength(256);
  });
});
