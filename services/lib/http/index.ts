/**
 * The HTTP side of a process: a Fastify server with errors, health, metrics, API description and draining in place.
 *
 * Guarantees: every error is application/problem+json with a stable code and a fix; no hook, child logger or log line
 * per request, so a route costs what a bare Fastify route costs; a stop finishes requests in flight and then closes
 * every connection. Does not: authenticate, limit or know any route of a service.
 */
export { listen, type Listening, type ListenOptions } from './listen.ts';
export { type DescribedSchema, type OpenapiInfo } from './openapi.ts';
export { PROBLEM_MEDIA_TYPE, problemOf, sendProblem, type Problem, type ProblemSource } from './problem.ts';
export { createHttpServer, DEFAULT_BODY_LIMIT_BYTES, type HttpServerOptions } from './server.ts';
