/** Spans: sampled before any object is made, current within `run`, exported by whatever processors are given. */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span as OtelSpan,
  type Tracer,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { AlwaysOnSampler, TracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace';
import { isWeirError } from '@weir/errors';
import { redactText } from './redaction.ts';

export interface SpanOptions {
  /** W3C traceparent of the caller; without one the current span is the parent. */
  readonly parent?: string | undefined;
  /** Values from a bounded set: never keys, users or texts of callers. */
  readonly attributes?: Attributes;
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** For the next process. */
  readonly traceparent: string;
  setAttribute(name: string, value: string | number | boolean): void;
  /** Marks the span as failed; takes code and public text of a WeirError, else the error's name and message. */
  recordError(err: unknown): void;
  end(): void;
  /** Makes this span the current one for logs and child spans of `fn` and all it awaits. */
  run<T>(fn: () => T): T;
}

export interface Tracing {
  /** `undefined` when not sampled: the parent's flag decides, else chance. Costs no object then. */
  start(name: string, options?: SpanOptions): Span | undefined;
  /** Only under a current span, never the root of a trace: for calls to stores, which else would be traces of one. */
  startChild(name: string, options?: Omit<SpanOptions, 'parent'>): Span | undefined;
}

export interface TracingOptions {
  readonly service: string;
  readonly version: string;
  readonly resource: Resource;
  readonly processors: SpanProcessor[];
  readonly sampleRatio: number;
  readonly random: () => number;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

const SPAN_LIMITS = { attributeCountLimit: 32, attributeValueLengthLimit: 256, eventCountLimit: 16 };

/** One for all telemetries of the process, since a logger does not know which of them opened the span it logs in. */
const current = new AsyncLocalStorage<RecordedSpan>();

/** The span whose `run` we are in. */
export function currentSpan(): Span | undefined {
  return current.getStore();
}

class RecordedSpan implements Span {
  readonly otel: OtelSpan;
  readonly context: Context;

  constructor(otel: OtelSpan) {
    this.otel = otel;
    this.context = trace.setSpan(ROOT_CONTEXT, otel);
  }

  get traceId(): string {
    return this.otel.spanContext().traceId;
  }

  get spanId(): string {
    return this.otel.spanContext().spanId;
  }

  get traceparent(): string {
    return `00-${this.traceId}-${this.spanId}-01`;
  }

  setAttribute(name: string, value: string | number | boolean): void {
    this.otel.setAttribute(name, value);
  }

  recordError(err: unknown): void {
    const { type, message } = describeError(err);
    this.otel.setAttribute('error.type', type);
    this.otel.setStatus({ code: SpanStatusCode.ERROR, message });
  }

  end(): void {
    this.otel.end();
  }

  run<T>(fn: () => T): T {
    return current.run(this, fn);
  }
}

function describeError(err: unknown): { type: string; message: string } {
  if (isWeirError(err)) return { type: err.code, message: err.detail };
  if (err instanceof Error) return { type: err.name, message: redactText(err.message) };
  return { type: 'Unknown', message: '' };
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/;

/** `undefined` for what is no traceparent of version 00. */
function isSampled(traceparent: string): boolean | undefined {
  if (!TRACEPARENT.test(traceparent)) return undefined;
  // Sampled is the lowest bit of the flags, so it makes their last hex digit odd.
  return Number.parseInt(traceparent.slice(-1), 16) % 2 === 1;
}

function remoteContext(traceparent: string): Context {
  const [, traceId = '', spanId = ''] = traceparent.split('-');
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
}

function startSpan(tracer: Tracer, name: string, options: SpanOptions | undefined, parent: Context): Span {
  const kind = KINDS[options?.kind ?? 'internal'];
  const attributes = options?.attributes;
  return new RecordedSpan(tracer.startSpan(name, attributes === undefined ? { kind } : { kind, attributes }, parent));
}

export function createTracing(options: TracingOptions): Tracing & { close(): Promise<void> } {
  const { sampleRatio, random } = options;
  const provider = new TracerProvider({
    resource: options.resource,
    // Whoever gets as far as a span has been sampled already.
    sampler: new AlwaysOnSampler(),
    spanLimits: SPAN_LIMITS,
    spanProcessors: options.processors,
  });
  const tracer = provider.getTracer(options.service, options.version);
  return {
    start(name, spanOptions) {
      const parent = spanOptions?.parent;
      if (parent !== undefined) {
        const sampled = isSampled(parent);
        if (sampled === true) return startSpan(tracer, name, spanOptions, remoteContext(parent));
        if (sampled === false) return undefined;
      }
      const active = current.getStore();
      if (active !== undefined) return startSpan(tracer, name, spanOptions, active.context);
      return random() < sampleRatio ? startSpan(tracer, name, spanOptions, ROOT_CONTEXT) : undefined;
    },
    startChild(name, spanOptions) {
      const active = current.getStore();
      return active === undefined ? undefined : startSpan(tracer, name, spanOptions, active.context);
    },
    close: () => provider.shutdown(),
  };
}
