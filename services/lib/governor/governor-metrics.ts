/** Every instrument of the governor, by the question it answers. */
import type { GaugePoint, HotCounter, Telemetry } from '@weir/telemetry';
import type { GovernorScope, GovernorView, Outcome, Turn } from './governor.ts';

/** Of one scope. */
export interface ScopeMetrics {
  /** What became of requests? */
  readonly requests: Readonly<Record<Outcome, HotCounter>>;
  /** Which were not sent? */
  readonly turnedAway: Readonly<Record<Turn['why'], HotCounter>>;
  /** Which were sent although their like are not, to see whether it gets better? */
  readonly probes: HotCounter;
}

export interface GovernorMetrics {
  scope(scope: GovernorScope): ScopeMetrics;
  /** Does Valkey answer? */
  readonly calls: Readonly<Record<'answered' | 'failed', HotCounter>>;
}

export function createGovernorMetrics(telemetry: Telemetry, views: () => readonly GovernorView[]): GovernorMetrics {
  const points = (valueOf: (view: GovernorView) => number) => (): readonly GaugePoint[] =>
    views().map((view) => ({ value: valueOf(view), attributes: { scope: view.scope } }));
  telemetry.gauge(
    'weir.governor.in_flight',
    { description: 'Requests of this process in flight to an upstream', unit: '{request}' },
    points(({ inFlight }) => inFlight),
  );
  telemetry.gauge(
    'weir.governor.shed_probability',
    { description: 'Share of requests to an upstream that are not sent, 0 to 0.95', unit: '1' },
    points(({ shedProbability }) => shedProbability),
  );
  telemetry.gauge(
    'weir.governor.throttled',
    { description: '1 while an upstream counts as struggling' },
    points(({ isThrottled }) => (isThrottled ? 1 : 0)),
  );
  telemetry.gauge(
    'weir.governor.send_rate',
    {
      description: 'Requests per second that an upstream is sent at most since it said "too many"',
      unit: '{request}/s',
    },
    () =>
      views().flatMap(({ scope, sendRate }) =>
        sendRate === undefined ? [] : [{ value: sendRate, attributes: { scope } }],
      ),
  );
  const call = (result: string): HotCounter =>
    telemetry.counter('weir.governor.valkey.calls', {
      description: 'Calls of the governor script by result',
      unit: '{call}',
      attributes: { result },
    });
  return {
    scope: (scope) => createScopeMetrics(telemetry, scope),
    calls: { answered: call('answered'), failed: call('failed') },
  };
}

function createScopeMetrics(telemetry: Telemetry, scope: GovernorScope): ScopeMetrics {
  const request = (outcome: Outcome): HotCounter =>
    telemetry.counter('weir.governor.requests', {
      description: 'Requests sent to an upstream by what became of them',
      unit: '{request}',
      attributes: { scope, outcome },
    });
  const turnedAway = (why: Turn['why']): HotCounter =>
    telemetry.counter('weir.governor.shed', {
      description: 'Requests that were not sent to an upstream, by why',
      unit: '{request}',
      attributes: { scope, why },
    });
  return {
    requests: {
      success: request('success'),
      failure: request('failure'),
      throttled: request('throttled'),
      ignored: request('ignored'),
    },
    turnedAway: { shed: turnedAway('shed'), concurrency: turnedAway('concurrency') },
    probes: telemetry.counter('weir.governor.probes', {
      description: 'Requests let through to see whether an upstream has recovered',
      unit: '{request}',
      attributes: { scope },
    }),
  };
}
