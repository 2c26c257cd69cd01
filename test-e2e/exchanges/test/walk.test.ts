import { afterEach, describe, expect, it } from 'vitest';
import { startExchanges, type Exchanges } from '../index.ts';
import { connect } from './raw-client.ts';

const pairs = [
  { asset: 'BTC', quote: 'USD', price: '64123.07' },
  { asset: 'ALGO', quote: 'USD', price: '0.13110' },
];
let exchanges: Exchanges | undefined;
afterEach(() => exchanges?.stop());

async function firstPrices(count: number): Promise<string[]> {
  exchanges = await startExchanges({ venues: ['coinbase'], pairs, seed: 11, ticksPerSecond: 50 });
  const client = await connect(exchanges.addresses['coinbase']?.ws ?? '');
  client.send({ type: 'subscribe', product_ids: ['BTC-USD', 'ALGO-USD'], channels: ['ticker'] });
  const prices: string[] = [];
  while (prices.length < count) {
    const {
      product_id: product,
      price,
      trade_id: id,
    } = JSON.parse(await client.next('"ticker","sequence"')) as Record<string, unknown>;
    prices.push(`${String(product)} ${String(id)} ${String(price)}`);
  }
  client.socket.terminate();
  await exchanges.stop();
  return prices;
}

describe('the walk as a client sees it', () => {
  it('gives the same trades for the same seed, with every digit of the tick size', async () => {
    const [one, other] = [await firstPrices(12), await firstPrices(12)];
    // A client may connect some trades late; what both saw of one trade must agree.
    const common = one.filter((text) => other.includes(text));
    const ids = (texts: readonly string[]): string[] => texts.map((text) => text.split(' ').slice(0, 2).join(' '));
    expect(ids(common)).toEqual(ids(one).filter((id) => ids(other).includes(id)));
    expect(common.length).toBeGreaterThan(4);
    for (const text of one) expect(text).toMatch(/^(BTC-USD \d+ \d{5}\.\d{2}|ALGO-USD \d+ 0\.\d{5})$/);
  });
});
