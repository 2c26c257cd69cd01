/** /openapi.json from the schemas of the routes, and /docs as a page that needs nothing else. */
import { fastifySwagger } from '@fastify/swagger';
import { errorCatalogue } from '@weir/errors';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { renderDocsPage } from './docs-page.ts';
import { PROBLEM_MEDIA_TYPE } from './problem.ts';

export interface OpenapiInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
}

/** Documents every route that is added from now on. A route that needs a key says `security: [{ apiKey: [] }]`. */
export function addOpenapi(server: FastifyInstance, info: OpenapiInfo): void {
  // Not `register`, which would run later and miss the routes that are added in the meantime; the plugin is synchronous.
  fastifySwagger(
    server,
    {
      openapi: {
        openapi: '3.1.0',
        info: { title: info.title, version: info.version, description: info.description ?? '' },
        components: {
          schemas: { Problem: PROBLEM_SCHEMA },
          securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'A Weir API key' } },
        },
      },
      transform: ({ schema, url }) => ({ schema: withProblem(schema), url }),
    },
    () => undefined,
  );
  let page: string | undefined;
  server.get('/openapi.json', { schema: { tags: ['operations'], summary: 'This description for machines' } }, () =>
    server.swagger(),
  );
  server.get(
    '/docs',
    { schema: { tags: ['operations'], summary: 'This page', response: textAnswer('text/html', 'The page') } },
    (_request, reply) => {
      page ??= renderDocsPage(server.swagger());
      return reply
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
        .type('text/html; charset=utf-8')
        .send(page);
    },
  );
}

/** Every route may end in a problem; a route that describes its refusals one by one keeps them as well. */
function withProblem(schema: FastifySchema | undefined): FastifySchema {
  const described = schema?.response;
  const answers = typeof described === 'object' && described !== null ? described : { 200: { description: 'Success' } };
  return { ...schema, response: { ...answers, default: PROBLEM_ANSWER } };
}

const PROBLEM_ANSWER = {
  description: 'A problem; its code says which',
  content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
};

const PROBLEM_SCHEMA = {
  type: 'object' as const,
  required: ['type', 'title', 'status', 'detail', 'code', 'fix'],
  properties: {
    type: { type: 'string' as const, description: 'Address of the description of the code' },
    title: { type: 'string' as const },
    status: { type: 'integer' as const },
    detail: { type: 'string' as const, description: 'What happened this time' },
    code: { type: 'string' as const, enum: Object.keys(errorCatalogue) },
    fix: { type: 'string' as const, description: 'What to do about it' },
    instance: { type: 'string' as const, description: 'Names this occurrence in the log' },
  },
};

/** The answer of a route that sends a text. */
export function textAnswer(mediaType: string, description: string): object {
  return { 200: { description, content: { [mediaType]: { schema: { type: 'string' } } } } };
}
