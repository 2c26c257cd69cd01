import { expect, it } from 'vitest';
import { createMarket } from './market.ts';

it('walks only while the system is online, and takes a set price at any time', () => {
  const market = createMarket({
    venue: 'kraken',
    seed: 1,
    pairs: [
      { asset: 'BTC', quote: 'USD', price: '64000.0' },
      { asset: 'ETH', quote: 'USD', price: '3000.00' },
    ],
    openedMs: 0,
    symbolOf: (asset, quote) => `${asset}/${quote}`,
  });
  const walks = (): boolean =>
    Array.from({ length: 20 }, () => market.step(0)).some((product) => product !== undefined);
  expect(walks()).toBe(true);
  market.maintenance = { system: 'maintenance' };
  expect(walks()).toBe(false);
  expect(market.setPrice('BTC', '1', 0).last?.price).toBe('1.0');
  expect(market.productOf('BTC').last?.price).toBe('1.0');
});
