/** /openapi.json from the schemas of the routes, and /docs as a page that needs nothing else. */
import { fastifySwagger } from '@fastify/swagger';
import { errorCatalogue, type ErrorCode } from '@weir/errors';
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
  // Whoever opens the address in a browser.
  server.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/docs'));
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

/** What a route may say of its answers besides Fastify's own schema; for the description alone. */
export interface DescribedSchema extends FastifySchema {
  /** Codes by which it refuses; each status is listed with its codes. */
  readonly refusals?: readonly ErrorCode[];
  /** Headers by status, with what they mean. */
  readonly answerHeaders?: Readonly<Record<number, Readonly<Record<string, string>>>>;
}

/** Every route may end in a problem; a route that names its refusals has them listed by status as well. */
function withProblem(schema: DescribedSchema | undefined): FastifySchema {
  const { refusals = [], answerHeaders = {}, ...rest } = schema ?? {};
  const described = rest.response;
  const own = typeof described === 'object' && described !== null ? described : { 200: { description: 'Success' } };
  const answers: Record<string, object> = { ...own, ...describeRefusals(refusals) };
  for (const [status, headers] of Object.entries(answerHeaders)) {
    const answer = answers[status];
    if (answer !== undefined) answers[status] = { ...asAnswer(answer), headers: describeHeaders(headers) };
  }
  return { ...rest, response: { ...answers, default: PROBLEM_ANSWER } };
}

function describeRefusals(codes: readonly ErrorCode[]): Record<string, object> {
  const byStatus = Object.groupBy(codes, (code) => errorCatalogue[code].status);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, group]) => {
      const description = group.map((code) => `${code}: ${errorCatalogue[code].title}`).join(' · ');
      return [status, { ...PROBLEM_ANSWER, description }];
    }),
  );
}

/** A bare schema of the body, in the form that has a place for headers. */
function asAnswer(answer: object): object {
  if ('content' in answer) return answer;
  const description = 'description' in answer ? answer.description : '';
  return { description, content: { 'application/json': { schema: answer } } };
}

function describeHeaders(headers: Readonly<Record<string, string>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { type: 'string', description }]),
  );
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
