/**
 * The way of every request to a venue's REST interface: the governor, a token of the provider's quota, the request itself;
 * and what became of it, told to both. What nobody waits for takes its host's turn before all that: while it waits, it
 * holds none of the places in flight that requests have which somebody waits for.
 */
import type { Clock } from '@weir/clock';
import type { Governor, Outcome } from '@weir/governor';
import type { ConsumeOptions, ProviderQuotas } from '@weir/limiter';
import type { HotCounter, Logger, Telemetry } from '@weir/telemetry';
import type { RestAnswer, RestRefusal, RestRequest, RestResponse, Venue } from '@weir/venues';
import { createHostLanes, type HostLanes } from './host-lanes.ts';
import { httpGet, type GetResult } from './http-get.ts';
import { backOffMs } from './retry-after.ts';

/** shed, concurrency: the governor, or others whose turn it is. quota: the provider's. throttled, unknown, failed: the venue. */
export type FetchOutcome<T> = { readonly kind: 'ok'; readonly value: T } | FetchRefusal;

export interface FetchRefusal {
  readonly kind: 'refused';
  readonly cause: 'shed' | 'concurrency' | 'quota' | 'throttled' | 'unknown' | 'failed';
  readonly reason: string;
  readonly retryAfterMs?: number;
}

export interface UpstreamOptions {
  readonly venue: Venue;
  /** Base address, of the venue or of what stands in for it. */
  readonly restUrl: string;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  readonly telemetry: Pick<Telemetry, 'counter' | 'histogram' | 'tracing'>;
  readonly governor: Pick<Governor, 'enter'>;
  readonly quotas: Pick<ProviderQuotas, 'tryConsume' | 'block'>;
  /** Shared by all that call a host from this process; absent: this one has its own. */
  readonly lanes?: HostLanes;
}

/** What a request is for. */
export type Purpose = 'batch' | 'one' | 'instruments';

/** What the venue said, and when it must have known it. */
export interface Known<T> {
  readonly value: T;
  readonly knownMonotonicMs: number;
}

export interface VenueRequests {
  /** Never rejects. */
  ask<T>(
    request: RestRequest,
    purpose: Purpose,
    decode: (response: RestResponse) => RestAnswer<T>,
  ): Promise<FetchOutcome<Known<T>>>;
}

interface Terms {
  /** interactive while somebody waits. */
  readonly requestClass: NonNullable<ConsumeOptions['class']>;
  /** For the host's turn; absent: it takes none. */
  readonly turnMsMax?: number;
  /** For a token. */
  readonly tokenMsMax: number;
  readonly timeoutMs: number;
}

const BACKGROUND: Terms = { requestClass: 'background', turnMsMax: 10_000, tokenMsMax: 0, timeoutMs: 2_000 };
const TERMS: Readonly<Record<Purpose, Terms>> = {
  batch: BACKGROUND,
  // The longest of the answers, and one that can wait.
  instruments: { ...BACKGROUND, turnMsMax: 30_000, timeoutMs: 5_000 },
  one: { requestClass: 'interactive', tokenMsMax: 1_000, timeoutMs: 2_000 },
};

const NO_TURN = (): void => {};

const BODY_BYTES_MAX = 16 * 1024 * 1024;
const DURATION_BOUNDARIES_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];

export function createVenueRequests(options: UpstreamOptions): VenueRequests {
  const { venue, clock, logger, telemetry } = options;
  const lanes = options.lanes ?? createHostLanes(clock);
  const base = options.restUrl.replace(/\/+$/, '');
  const host = URL.parse(base)?.host ?? base;
  const metrics = createUpstreamMetrics(telemetry, venue.id);
  let isFailing = false;

  /** Once when it begins and once when it is over. */
  const tell = (refusal: FetchRefusal | undefined, purpose: Purpose): void => {
    const fails = refusal?.cause === 'failed' || refusal?.cause === 'throttled';
    if (fails && !isFailing) logger.warn({ venue: venue.id, purpose, reason: refusal.reason }, 'venue fails by REST');
    if (refusal === undefined && isFailing) logger.info({ venue: venue.id }, 'venue answers by REST again');
    if (fails) isFailing = true;
    else if (refusal === undefined) isFailing = false;
  };

  return {
    async ask(request, purpose, decode) {
      const { turnMsMax } = TERMS[purpose];
      const leave = turnMsMax === undefined ? NO_TURN : await lanes.enter(host, turnMsMax);
      if (leave === undefined) {
        metrics.count(purpose, 'concurrency');
        return refused('concurrency', 'other requests to the host are in front', 1_000);
      }
      try {
        const outcome = await pass(options, metrics, { url: base + request.path, request, purpose, decode });
        metrics.count(purpose, outcome.kind === 'ok' ? 'ok' : outcome.cause);
        tell(outcome.kind === 'ok' ? undefined : outcome, purpose);
        return outcome;
      } catch (err) {
        logger.error({ err, venue: venue.id }, 'request to a venue went wrong');
        return refused('failed', err instanceof Error ? err.message : String(err));
      } finally {
        leave();
      }
    },
  };
}

interface Errand<T> {
  readonly url: string;
  readonly request: RestRequest;
  readonly purpose: Purpose;
  readonly decode: (response: RestResponse) => RestAnswer<T>;
}

/** Through the governor and the quota. */
async function pass<T>(
  options: UpstreamOptions,
  metrics: UpstreamMetrics,
  errand: Errand<T>,
): Promise<FetchOutcome<Known<T>>> {
  const { venue, governor, quotas } = options;
  const entry = governor.enter(`lpo:${venue.id}`);
  if (!entry.admitted) {
    const reason = entry.why === 'shed' ? 'the venue struggles and is spared' : 'too many requests are in flight';
    return refused(entry.why, reason, entry.retryAfterMs);
  }
  let outcome: Outcome = 'ignored';
  try {
    const { requestClass, tokenMsMax } = TERMS[errand.purpose];
    const token = await quotas.tryConsume(venue.id, 'global', errand.request.points ?? 1, {
      class: requestClass,
      waitMsMax: tokenMsMax,
    });
    if (!token.admitted) return refused('quota', 'the quota of the venue is used up', token.retryAfterMs);
    try {
      const result = await get(options, metrics, errand);
      const answer = result.kind === 'answered' ? errand.decode(result.response) : undefined;
      outcome = outcomeOf(result, answer);
      if (result.kind === 'failed') return refused('failed', result.reason);
      if (answer?.kind === 'ok') {
        return { kind: 'ok', value: { value: answer.value, knownMonotonicMs: result.knownMonotonicMs } };
      }
      return turnDown(options, outcome, result.response, answer);
    } finally {
      token.done();
    }
  } finally {
    entry.end(outcome);
  }
}

async function get<T>(
  { clock, telemetry, venue }: UpstreamOptions,
  metrics: UpstreamMetrics,
  { url, purpose }: Errand<T>,
): Promise<GetResult> {
  const span = telemetry.tracing.startChild(`GET ${venue.id}`, {
    kind: 'client',
    attributes: { 'weir.venue': venue.id, 'weir.purpose': purpose },
  });
  const startedMs = clock.monotonicMs();
  const result = await httpGet(url, clock, { timeoutMs: TERMS[purpose].timeoutMs, bodyBytesMax: BODY_BYTES_MAX });
  metrics.durationS.record((clock.monotonicMs() - startedMs) / 1_000);
  if (result.kind === 'failed') span?.recordError(new Error(result.reason));
  span?.end();
  return result;
}

/** A venue that says 429 is left alone by the whole cluster. */
function turnDown(
  { venue, quotas, logger }: UpstreamOptions,
  outcome: Outcome,
  response: RestResponse,
  refusal: RestRefusal | undefined,
): FetchRefusal {
  const reason = refusal?.reason ?? `HTTP status ${response.status}`;
  if (outcome !== 'throttled') return refused(refusal?.cause ?? 'failed', reason, refusal?.retryAfterMs);
  const forMs = backOffMs(refusal?.retryAfterMs, response);
  quotas.block(venue.id, forMs).catch((err: unknown) => logger.warn({ err, venue: venue.id }, 'block not stored'));
  return refused('throttled', reason, forMs);
}

/** An answer counts as one whatever it says of the request; only what says that the venue struggles does not. */
function outcomeOf(result: GetResult, answer: RestAnswer<unknown> | undefined): Outcome {
  if (result.kind === 'failed') return 'failure';
  const { status } = result.response;
  if (status === 429 || (answer?.kind === 'refused' && answer.cause === 'throttled')) return 'throttled';
  if (status >= 500 || status === 408) return 'failure';
  const isUnreadable = status < 400 && answer?.kind === 'refused' && answer.cause === 'failed';
  return isUnreadable ? 'failure' : 'success';
}

function refused(cause: FetchRefusal['cause'], reason: string, retryAfterMs?: number): FetchRefusal {
  return { kind: 'refused', cause, reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** Do the venues answer by REST, how soon, and who keeps requests from them? */
interface UpstreamMetrics {
  readonly durationS: ReturnType<Telemetry['histogram']>;
  count(purpose: Purpose, outcome: 'ok' | FetchRefusal['cause']): void;
}

function createUpstreamMetrics(telemetry: UpstreamOptions['telemetry'], venue: string): UpstreamMetrics {
  const counters = new Map<string, HotCounter>();
  return {
    durationS: telemetry.histogram('weir.upstream.duration', {
      description: 'From sending a request to a venue to the end of its answer',
      unit: 's',
      boundaries: DURATION_BOUNDARIES_S,
      attributes: { venue },
    }),
    count(purpose, outcome) {
      const name = `${purpose} ${outcome}`;
      let counter = counters.get(name);
      if (counter === undefined) {
        const description = 'Requests to the REST interface of a venue by what became of them';
        counter = telemetry.counter('weir.upstream.requests', { description, attributes: { venue, purpose, outcome } });
        counters.set(name, counter);
      }
      counter.add();
    },
  };
}
