/** What the cluster last agreed on of an upstream, for people: from any process, whether or not it uses that upstream. */
import type { ValkeyClient } from '@weir/valkey';
import { adaptiveKeys } from './adaptive-script.ts';
import type { GovernorScope } from './governor.ts';
import { WINDOW_S } from './shed-law.ts';

export interface StoredScope {
  readonly scope: GovernorScope;
  readonly isThrottled: boolean;
  readonly shedProbability: number;
  readonly successes: number;
  readonly total: number;
  /** Requests per second at most, since the upstream said "too many". */
  readonly sendRate: number | undefined;
}

/** `undefined` when nobody has used it for so long that nothing of it holds any more. Rejects when Valkey does not answer. */
export async function readStoredScope(
  client: Pick<ValkeyClient, 'call'>,
  scope: GovernorScope,
  serverNowMs: number,
): Promise<StoredScope | undefined> {
  // Of one slot.
  const [ring = '', ...keys] = adaptiveKeys(scope);
  const [reply, known] = await Promise.all([client.call('MGET', ...keys), client.call('HMGET', ring, 'rate', 'at')]);
  if (!Array.isArray(reply) || !reply.every((text) => typeof text === 'string') || !Array.isArray(known))
    return undefined;
  const [rate, atUs] = known.map(Number);
  if (atUs === undefined || rate === undefined || serverNowMs - atUs / 1_000 >= WINDOW_S * 1_000) return undefined;
  const [successes, total, throttle, shedProbability] = reply;
  return {
    scope,
    isThrottled: throttle === 'on',
    shedProbability: Number(shedProbability),
    successes: Number(successes),
    total: Number(total),
    sendRate: rate > 0 ? rate / 1_000 : undefined,
  };
}
