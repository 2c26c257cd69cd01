/** The routes of a server by path, to tell an unknown path from a known one asked in the wrong way. */
import type { FastifyInstance, RouteOptions } from 'fastify';

export interface RouteList {
  /** Methods of the path, sorted; empty when no route has it. */
  methodsOf(path: string): readonly string[];
}

/** Collects every route that is added from now on. */
export function listRoutes(server: FastifyInstance): RouteList {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  server.addHook('onRoute', (route: RouteOptions) => {
    routes.push({ pattern: patternOf(route.url), methods: [route.method].flat() });
  });
  return {
    methodsOf(path) {
      const methods = routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
      return [...new Set(methods)].toSorted();
    },
  };
}

/** "/keys/:id" matches one segment for `:id`, "*" the rest. */
function patternOf(url: string): RegExp {
  const literal = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replace(/:[A-Za-z0-9_]+/g, '[^/]+').replace(/\*/g, '.*')}$`);
}
