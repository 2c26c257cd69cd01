/** What an error of the driver means to a caller. */
import { isWeirError, WeirError } from '@weir/errors';

/** SQLSTATE classes by which a server says that it cannot serve now: connection, resources, shutdown or start. */
const NOT_SERVING_CLASSES = ['08', '53'] as const;
const NOT_SERVING_STATES = ['57P01', '57P02', '57P03', '57014', '25P03'] as const;

const SQLSTATE = /^[0-9A-Z]{5}$/;

function stateOf(err: unknown): string | undefined {
  if (!(err instanceof Error) || !('code' in err) || typeof err.code !== 'string') return undefined;
  // Errors of the network have codes too, such as EPIPE; only those of the server have a severity.
  return 'severity' in err && SQLSTATE.test(err.code) ? err.code : undefined;
}

/** SQLSTATE of the refusal that a WeirError of this package wraps. */
export function sqlState(err: unknown): string | undefined {
  return isWeirError(err) ? stateOf(err.cause) : undefined;
}

/** Whether the connection can serve the next statement after this error. */
export function isConnectionSound(err: WeirError): boolean {
  return err.code === 'POSTGRES_REFUSED' || sqlState(err) === '57014';
}

/** A statement that ran out of time counts as unavailable: the same one may pass later. */
export function toPostgresError(err: unknown): WeirError {
  if (isWeirError(err)) return err;
  const state = stateOf(err);
  if (state === undefined) {
    return new WeirError('POSTGRES_UNAVAILABLE', { detail: 'Postgres is not reachable or not answering', cause: err });
  }
  const isServing =
    !NOT_SERVING_CLASSES.some((prefix) => state.startsWith(prefix)) &&
    !NOT_SERVING_STATES.some((known) => known === state);
  return isServing
    ? new WeirError('POSTGRES_REFUSED', { detail: `Postgres refused a statement (${state})`, cause: err })
    : new WeirError('POSTGRES_UNAVAILABLE', { detail: `Postgres cannot serve now (${state})`, cause: err });
}
