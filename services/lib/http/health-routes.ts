/** /livez, /readyz, /health and /metrics: answered from memory, with no I/O per request. */
import type { Lifecycle } from '@weir/lifecycle';
import type { Telemetry } from '@weir/telemetry';
import type { FastifyInstance } from 'fastify';
import { textAnswer } from './openapi.ts';
import { sendProblem } from './problem.ts';

export interface HealthOptions {
  readonly service: string;
  readonly lifecycle: Pick<Lifecycle, 'state' | 'draining'>;
  readonly telemetry: Pick<Telemetry, 'scrape'>;
  /**
   * Before the first `true`, what is missing. After it the process stays ready, since taking every replica out because
   * a shared store is away would help nobody; a text is then reported as a detail. Without it the lifecycle decides.
   */
  readonly ready?: (() => boolean | string) | undefined;
  /** What only a restart mends, as a text; without it a process that answers is alive. */
  readonly alive?: (() => true | string) | undefined;
  /** Why not even a process that was ready is to be sent requests at this moment; `undefined`: nothing speaks against it. */
  readonly paused?: (() => string | undefined) | undefined;
  readonly health?: (() => object) | undefined;
}

const TAGS = ['operations'];

export function addHealthRoutes(server: FastifyInstance, options: HealthOptions): void {
  const { service, lifecycle, telemetry } = options;
  const readiness = createReadiness(options);

  server.get('/livez', { schema: { tags: TAGS, summary: 'Whether the process runs' } }, (_request, reply) => {
    const verdict = options.alive?.() ?? true;
    return verdict === true ? { status: 'ok' } : sendProblem(reply, { code: 'INTERNAL', detail: verdict });
  });

  server.get('/readyz', { schema: { tags: TAGS, summary: 'Whether to send requests here' } }, (_request, reply) => {
    const { isReady, detail } = readiness();
    if (lifecycle.draining.aborted) return sendProblem(reply, { code: 'DRAINING' });
    const pause = options.paused?.();
    if (pause !== undefined) return sendProblem(reply, { code: 'STARTING', detail: pause });
    if (!isReady) return sendProblem(reply, { code: 'STARTING', detail });
    return { status: 'ready', ...(detail !== undefined && { detail }) };
  });

  server.get('/health', { schema: { tags: TAGS, summary: 'How the process and its parts are' } }, () => {
    return options.health?.() ?? { status: lifecycle.state, service };
  });

  server.get(
    '/metrics',
    { schema: { tags: TAGS, summary: 'Metrics', response: textAnswer('text/plain', 'The text format of Prometheus') } },
    async (_request, reply) => {
      const text = await telemetry.scrape();
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
    },
  );
}

type Readiness = () => { isReady: boolean; detail?: string };

function createReadiness({ lifecycle, ready }: HealthOptions): Readiness {
  let isWarm = false;
  return () => {
    const verdict = ready === undefined ? lifecycle.state === 'ready' : ready();
    isWarm ||= verdict === true;
    return typeof verdict === 'string' ? { isReady: isWarm, detail: verdict } : { isReady: isWarm };
  };
}
