/** A caller of the price service that looks at its answers, beside the load that only counts them. */
import { sleep, systemClock } from '@weir/clock';

/** The answer's text, checked to be a fresh price of BTC; `undefined` for anything else. */
export async function readPrice(port: number, key: string): Promise<string | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/price?asset=BTC`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const text = await response.text();
  if (response.status !== 200) return undefined;
  // What it is is being checked.
  const { asset, price, price_text, status } = JSON.parse(text) as Record<string, unknown>;
  const isRight = asset === 'BTC' && typeof price === 'number' && price > 0 && String(price) === price_text;
  return isRight && status === 'fresh' ? text : undefined;
}

const TOUCHING = 8;
const TOUCHES_MAX = 20;

/** Every key once, so that rounds measure keys in use. A key whose stores are too busy to answer is tried again. */
export async function touchKeys(port: number, keys: readonly string[]): Promise<void> {
  const left = keys.values();
  const touch = async (): Promise<void> => {
    for (const key of left) {
      let tries = 0;
      while ((await readPrice(port, key)) === undefined) {
        tries += 1;
        if (tries === TOUCHES_MAX) throw new Error('a key is refused whatever is tried');
        await sleep(systemClock, 100);
      }
    }
  };
  await Promise.all(Array.from({ length: TOUCHING }, touch));
}

export interface DecisionCounts {
  readonly all: number;
  /** Decided by the policy's `onValkeyFailure`, as Valkey did not answer. */
  readonly fallback: number;
}

/** From the metrics of the service, since its start. */
export async function countDecisions(port: number): Promise<DecisionCounts> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const counts = { all: 0, fallback: 0 };
  for (const line of (await response.text()).split('\n')) {
    if (!line.startsWith('weir_limiter_decisions_total{')) continue;
    const count = Number(line.slice(line.lastIndexOf(' ') + 1));
    counts.all += count;
    if (line.includes('basis="fallback"')) counts.fallback += count;
  }
  return counts;
}
