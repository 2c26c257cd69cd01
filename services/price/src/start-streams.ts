/** Streams, put together: the route, all that are open, and their end before the server closes. */
import type { Clock } from '@weir/clock';
import type { Lifecycle } from '@weir/lifecycle';
import { createSlots } from '@weir/limiter';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import type { FastifyInstance } from 'fastify';
import { createAuthorizer, createHashAuthorizer, createJudge, type AuthorizerOptions } from './authorize.ts';
import type { PriceApi } from './price-api.ts';
import type { StreamLimits } from './price-stream.ts';
import { createPriceStreams } from './price-streams.ts';
import { createStreamMetrics } from './stream-metrics.ts';
import { addStreamRoute } from './stream-route.ts';

export interface StreamSettings {
  /** Streams that are open at once in this process. */
  readonly streamsMax?: number | undefined;
  readonly limits?: StreamLimits | undefined;
}

export interface StreamParts {
  readonly settings: StreamSettings;
  /** Of the protocol sse. */
  readonly authorization: AuthorizerOptions;
  readonly livePods: () => number;
  readonly valkey: Valkey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly lifecycle: Lifecycle;
}

const STREAMS_MAX = 1_000;

/** The part "streams" of the lifecycle ends every stream, before the server waits for its answers. */
export function startStreams(server: FastifyInstance, api: PriceApi, parts: StreamParts): void {
  const { settings, authorization, telemetry, lifecycle, ...shared } = parts;
  const streams = createPriceStreams({
    ...shared,
    api,
    metrics: createStreamMetrics(telemetry),
    authorizeHash: createHashAuthorizer(authorization),
    judge: createJudge(authorization),
    streamsMax: settings.streamsMax ?? STREAMS_MAX,
    limits: settings.limits,
  });
  telemetry.gauge('weir.price.streams', { description: 'Open streams', unit: '{stream}' }, () => streams.size);
  addStreamRoute(server, api, {
    streams,
    slots: createSlots(shared),
    authorize: createAuthorizer(authorization),
    isDraining: () => lifecycle.draining.aborted,
  });
  lifecycle.onStop('streams', () => streams.close());
}
