/** The Fastify server of a Weir process: errors, health, metrics, documentation and draining, but no route of its own. */
import type { Clock } from '@weir/clock';
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

/** How often a closing server lets go of connections whose last answer is out. */
const REAP_PERIOD_MS = 20;

/** Requests get this share of the time that a stop has left; then they are cut off, so that the other parts stop in time. */
const DRAIN_SHARE = 0.9;

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
  lifecycle.onStop('http', () => closeServer(server, clock, lifecycle.timeLeftMs()));
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

/** Takes no new connection, lets requests end, and closes each connection behind its last answer, or when time is up. */
async function closeServer(server: FastifyInstance, clock: Clock, timeLeftMs: number): Promise<void> {
  // Node closes the connections that are idle now; one that becomes idle later would stay for the keep-alive time.
  const reaper = clock.setInterval(() => server.server.closeIdleConnections(), REAP_PERIOD_MS);
  const timer = clock.setTimeout(() => server.server.closeAllConnections(), timeLeftMs * DRAIN_SHARE);
  try {
    await server.close();
  } finally {
    reaper.cancel();
    timer.cancel();
  }
}
