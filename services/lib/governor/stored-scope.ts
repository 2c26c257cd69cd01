/** What the cluster last agreed on of an upstream, for people: from any process, whether or not it uses that upstream. */
import type { ValkeyClient } from '@weir/valkey';
import { adaptiveKeys } from './adaptive-script.ts';
import type { GovernorScope } from './governor.ts';

export interface StoredScope {
  readonly scope: GovernorScope;
  readonly isThrottled: boolean;
  /** As of the last call of any process; it falls by 0.1 per second when nobody asks. */
  readonly shedProbability: number;
  readonly successes: number;
  readonly total: number;
  /** Requests per second at most, since the upstream said "too many". */
  readonly sendRate: number | undefined;
}

/** `undefined` when nobody has used it for a minute. Rejects when Valkey does not answer. */
export async function readStoredScope(
  client: Pick<ValkeyClient, 'call'>,
  scope: GovernorScope,
): Promise<StoredScope | undefined> {
  // Of one slot.
  const [ring = '', ...keys] = adaptiveKeys(scope);
  const [reply, rate] = await Promise.all([client.call('MGET', ...keys), client.call('HGET', ring, 'rate')]);
  if (!Array.isArray(reply) || !reply.every((text) => typeof text === 'string')) return undefined;
  const [successes, total, throttle, shedProbability] = reply;
  return {
    scope,
    isThrottled: throttle === 'on',
    shedProbability: Number(shedProbability),
    successes: Number(successes),
    total: Number(total),
    sendRate: Number(rate) > 0 ? Number(rate) / 1_000 : undefined,
  };
}
