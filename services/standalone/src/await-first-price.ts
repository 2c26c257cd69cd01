/** Waits until the price API would answer: it says that it is ready, and Valkey holds the first price. */
import { sleep, type Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { ValkeyClient } from '@weir/valkey';
import { decodePriceRecord, type PriceRecord } from '@weir/wire';

export interface FirstPriceOptions {
  readonly client: ValkeyClient;
  readonly clock: Clock;
  /** Address of the price API. */
  readonly url: string;
  /** "BTC", "BTC-EUR". */
  readonly pair: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const POLL_MS = 50;

/** `undefined` when the time is over first. Rejects when aborted. */
export async function awaitFirstPrice(options: FirstPriceOptions): Promise<PriceRecord | undefined> {
  const { client, clock, url, pair, timeoutMs, signal } = options;
  const endMs = clock.monotonicMs() + timeoutMs;
  let isReady = false;
  while (clock.monotonicMs() < endMs) {
    signal.throwIfAborted();
    isReady ||= await answersReady(url, signal);
    const record = isReady ? await readPrice(client, pair) : undefined;
    if (record !== undefined) return record;
    await sleep(clock, POLL_MS, signal);
  }
  return undefined;
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
