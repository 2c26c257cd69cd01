/** One look at the API: the prices of all assets, as a subscriber gets them. */
import { systemClock } from '@weir/clock';
import type { Served } from './watch.ts';

export interface Look {
  readonly served: readonly (Served & { readonly isFresh: boolean })[];
  /** Why there was no whole answer. */
  readonly refused?: string;
}

interface Row {
  readonly asset: string;
  readonly price_text?: string;
  readonly timestamp: string;
  readonly age_ms: number;
  readonly seq: number;
  readonly status: string;
  readonly flags?: readonly string[];
  readonly sources: readonly string[];
}

export interface Answer {
  readonly status: number;
  /** Of JSON. */
  readonly body: unknown;
}

export interface Question {
  readonly pod: string;
  readonly assets: readonly string[];
  readonly ask: (path: string) => Promise<Answer>;
}

const TIMEOUT_MS = 5_000;

/** By HTTP, with the bearer's key. */
export async function askPrices(url: string, key: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { status: response.status, body: await response.json() };
}

export async function readServed({ pod, assets, ask }: Question): Promise<Look> {
  const askedMs = systemClock.nowMs();
  try {
    const { status, body } = await ask(`/prices?assets=${assets.join(',')}`);
    const answeredMs = systemClock.nowMs();
    if (status !== 200) return { served: [], refused: `${status} ${JSON.stringify(body).slice(0, 300)}` };
    // The API's own schema.
    const { prices, errors = [] } = body as { prices: readonly Row[]; errors?: readonly unknown[] };
    const served = prices.map((row) => ({
      pod,
      asset: row.asset,
      price: Number(row.price_text),
      timestampMs: Date.parse(row.timestamp),
      ageMs: row.age_ms,
      seq: row.seq,
      flags: row.flags ?? [],
      sources: row.sources,
      isFresh: row.status === 'fresh',
      askedMs,
      answeredMs,
    }));
    return errors.length === 0 ? { served } : { served, refused: JSON.stringify(errors).slice(0, 300) };
  } catch (error) {
    return { served: [], refused: error instanceof Error ? error.message : String(error) };
  }
}
