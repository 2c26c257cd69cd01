/** The Fastify server of a Weir process: errors, health, metrics, documentation and draining, but no route of its own. */
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { sleep, type Clock, type Timer } from '@weir/clock';
import type { Lifecycle } from '@weir/lifecycle';
import type { Logger, Telemetry } from '@weir/telemetry';
import { fastify, type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { createErrorAnswers } from './error-answers.ts';
import { addHealthRoutes } from './health-routes.ts';
import { keepTick } from './keep-tick.ts';
import { addOpenapi, type OpenapiInfo } from './openapi.ts';
import { sendProblem } from './problem.ts';
import { listRoutes, type RouteList } from './route-list.ts';

export interface HttpServerOptions {
  readonly service: string;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly openapi?: OpenapiInfo;
  /** See `/readyz`: what is missing before the first `true`; a detail after it. */
  readonly ready?: () => boolean | string;
  /** See `/livez`: what only a restart mends. */
  readonly alive?: () => true | string;
  /** See `/readyz`: why a process that was ready is not, for a moment. */
  readonly paused?: () => string | undefined;
  /** The body of `/health`. */
  readonly health?: () => object;
  readonly bodyLimitBytes?: number;
}

export const DEFAULT_BODY_LIMIT_BYTES = 64 * 1024;

/** Above the idle time of balancers (600 s at Google, 60 s at Amazon), so that they never use a connection we just closed. */
const KEEP_ALIVE_MS = 620_000;

/** A request that takes longer to arrive is an attack or a lost peer. */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * How long a closing server leaves connections that are silent open: whoever asks on one is answered, and told that it
 * ends there. Closed at once, it might end just as a request is on its way.
 */
const FAREWELL_MS = 2_000;

/** How often a closing server lets go of connections whose last answer is out. */
const REAP_PERIOD_MS = 20;

/** Requests get this share of the time that a stop has left; then they are cut off, so that the other parts stop in time. */
const DRAIN_SHARE = 0.9;

/** The farewell gets no more than this share of it. */
const FAREWELL_SHARE = 0.3;

/** Routes may be added right after. Part "http" of the lifecycle closes it. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { clock, lifecycle, service } = options;
  const answers = createErrorAnswers(options);
  const server = fastify({
    ...SERVER_OPTIONS,
    bodyLimit: options.bodyLimitBytes ?? DEFAULT_BODY_LIMIT_BYTES,
    frameworkErrors: answers.onFrameworkError,
    clientErrorHandler: answers.onClientError,
  });
  const kept = keepTick();
  const routes = listRoutes(server);
  server.setErrorHandler(answers.onError);
  addNotFoundAnswer(server, routes);
  addOpenapi(server, options.openapi ?? { title: service, version: '0' });
  addHealthRoutes(server, options);
  server.addHook('onClose', (_instance, done) => {
    kept.tick = undefined;
    done();
  });
  closeGently(server, clock, lifecycle);
  return server;
}

const SERVER_OPTIONS = {
  // No logger: Fastify then makes no child logger and no listeners per request. What fails is logged by the error answers.
  // The request id would be seen in those lines only.
  genReqId: () => '',
  keepAliveTimeout: KEEP_ALIVE_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  // A request that is already on an open connection is answered, with "Connection: close", not refused.
  return503OnClosing: false,
  // Every fault of a request at once, each with the words of its schema; an unknown field is a fault, not removed.
  ajv: { customOptions: { allErrors: true, verbose: true, removeAdditional: false } },
} as const satisfies FastifyServerOptions;

function addNotFoundAnswer(server: FastifyInstance, routes: RouteList): void {
  server.setNotFoundHandler((request, reply) => {
    const [path = '/'] = request.url.split('?', 1);
    const methods = routes.methodsOf(path);
    if (methods.length === 0) return sendProblem(reply, { code: 'NOT_FOUND' });
    const allowed = methods.join(', ');
    reply.header('allow', allowed);
    return sendProblem(reply, { code: 'METHOD_NOT_ALLOWED', detail: `This route takes ${allowed}.` });
  });
}

/**
 * A stop takes no new connection, lets requests end, and closes each connection behind its last answer; those that stay
 * silent after a while, and all when time is up.
 */
function closeGently(server: FastifyInstance, clock: Clock, lifecycle: Lifecycle): void {
  const { server: listener } = server;
  let reaper: Timer | undefined;
  // From here on Fastify answers with "Connection: close".
  server.addHook('preClose', async () => {
    await sayFarewell(listener, clock, Math.min(FAREWELL_MS, lifecycle.timeLeftMs() * FAREWELL_SHARE));
    // What is idle then Node closes by itself; what becomes idle later would stay for the keep-alive time.
    reaper = clock.setInterval(() => listener.closeIdleConnections(), REAP_PERIOD_MS);
  });
  lifecycle.onStop('http', async () => {
    const timer = clock.setTimeout(() => listener.closeAllConnections(), lifecycle.timeLeftMs() * DRAIN_SHARE);
    try {
      await server.close();
    } finally {
      reaper?.cancel();
      timer.cancel();
    }
  });
}

/** Closes the port, and waits until every connection has ended or the time is up. */
async function sayFarewell(listener: Server, clock: Clock, forMs: number): Promise<void> {
  const ended = new AbortController();
  listener.once('close', () => ended.abort());
  // Of the port alone: what an HTTP server adds to this ends silent connections at once.
  NetServer.prototype.close.call(listener);
  await sleep(clock, forMs, ended.signal).catch(() => {
    // Nobody is left to wait for.
  });
}
