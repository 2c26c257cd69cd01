/** What callers of an upstream ask before a request, and tell after it. */

/** `lpo:<venue>` for price fetches, `llm:<provider>` for the gateway. */
export type GovernorScope = `lpo:${string}` | `llm:${string}`;

/** success: an answer, whatever it says of the request. failure: 5xx, timeout, no connection. throttled: 429. ignored: says nothing of the upstream. */
export type Outcome = 'success' | 'failure' | 'throttled' | 'ignored';

export interface Pass {
  readonly admitted: true;
  /** To be called exactly once, when it is known what became of the request. */
  end(outcome: Outcome): void;
}

export interface Turn {
  readonly admitted: false;
  /** shed: the upstream struggles. concurrency: as many requests are in flight as may be. */
  readonly why: 'shed' | 'concurrency';
  readonly retryAfterMs: number;
}

/** One scope as this process knows it. */
export interface GovernorView {
  readonly scope: GovernorScope;
  readonly isThrottled: boolean;
  /** Share of requests that are not sent, 0 to 0.95. */
  readonly shedProbability: number;
  readonly successes: number;
  readonly total: number;
  /** Requests per second that the upstream is sent at most since it said "too many"; `undefined`: as many as there are. */
  readonly sendRate: number | undefined;
  readonly inFlight: number;
  /** cluster: agreed through Valkey. local: Valkey is away, by this process's own counts. */
  readonly basis: 'cluster' | 'local';
}

export interface Governor {
  /** Synchronous; to be asked before a token of the provider's quota is taken. */
  enter(scope: GovernorScope): Pass | Turn;
  views(): readonly GovernorView[];
  close(): Promise<void>;
}
