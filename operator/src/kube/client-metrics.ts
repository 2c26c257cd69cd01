/** Instruments of calls, by the names of client-go. */
import type { Telemetry } from '@weir/telemetry';

export interface CountedCall {
  readonly method: string;
  /** HTTP status, or `<error>` when no answer came. */
  readonly code: string;
  readonly host: string;
  readonly seconds: number;
}

export interface ClientMetrics {
  count(call: CountedCall): void;
  /** Time that a call waited for its turn. */
  waited(seconds: number): void;
}

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export function createClientMetrics(telemetry: Pick<Telemetry, 'counter' | 'histogram'>): ClientMetrics {
  const waits = telemetry.histogram('rest_client_rate_limiter_duration_seconds', {
    description: 'Time that calls to the API server waited for their turn',
    unit: '',
    boundaries: SECONDS,
  });
  return {
    count({ method, code, host, seconds }) {
      const attributes = { method, code, host };
      telemetry.counter('rest_client_requests_total', { description: 'Calls to the API server', attributes }).add();
      telemetry
        .histogram('rest_client_request_duration_seconds', {
          description: 'Time until the API server answered',
          unit: '',
          boundaries: SECONDS,
          attributes: { verb: method, host },
        })
        .record(seconds);
    },
    waited: (seconds) => waits.record(seconds),
  };
}
