/** Waits until the price API would answer: it says that it is ready, and Valkey holds a price to try. */
import { sleep, type Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { ValkeyClient } from '@weir/valkey';
import { decodePriceRecord, type PriceRecord } from '@weir/wire';
import type { FoundPrice } from './describe-start.ts';

export interface FirstPriceOptions {
  readonly client: ValkeyClient;
  readonly clock: Clock;
  /** Address of the price API. */
  readonly url: string;
  /** "BTC", "BTC-EUR"; the first is the best to try. */
  readonly pairs: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const POLL_MS = 50;
/** For so long, once the API is ready, the best pair alone will do. */
const FIRST_ALONE_MS = 2_000;
const PAIRS_TRIED = 20;

/** `undefined` when the time is over first. Rejects when aborted. */
export async function awaitFirstPrice(options: FirstPriceOptions): Promise<FoundPrice | undefined> {
  const { client, clock, url, pairs, timeoutMs, signal } = options;
  const endMs = clock.monotonicMs() + timeoutMs;
  let othersFromMs = Number.POSITIVE_INFINITY;
  let isReady = false;
  while (clock.monotonicMs() < endMs) {
    signal.throwIfAborted();
    if (!isReady && (await answersReady(url, signal))) {
      isReady = true;
      othersFromMs = clock.monotonicMs() + FIRST_ALONE_MS;
    }
    const tried = clock.monotonicMs() < othersFromMs ? 1 : PAIRS_TRIED;
    const found = isReady ? await findPrice(client, pairs.slice(0, tried)) : undefined;
    if (found !== undefined) return found;
    await sleep(clock, POLL_MS, signal);
  }
  return undefined;
}

async function findPrice(client: ValkeyClient, pairs: readonly string[]): Promise<FoundPrice | undefined> {
  const records = await Promise.all(pairs.map((pair) => readPrice(client, pair)));
  return pairs.flatMap((pair, index) => {
    const record = records[index];
    return record === undefined ? [] : [{ pair, record }];
  })[0];
}

async function answersReady(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function readPrice(client: ValkeyClient, pair: string): Promise<PriceRecord | undefined> {
  try {
    return decodePriceRecord((await client.get(keyspace.price.key({ pair }))) ?? '');
  } catch {
    return undefined;
  }
}
