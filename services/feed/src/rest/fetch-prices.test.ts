import { createFakeClock, silentLogger } from '@weir/testing';
import type { FetchedPrice, FetchOutcome } from '@weir/upstream';
import type { Instrument } from '@weir/venues';
import { DECIMAL_ONE } from '@weir/wire';
import { expect, test } from 'vitest';
import type { SourceQuote } from '../connect/connector.ts';
import { createPriceFetches, type RestPlan } from './fetch-prices.ts';

const BTC: Instrument = { asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' };
const ETH: Instrument = { asset: 'ETH', quote: 'USD', symbol: 'ETH-USD' };

function setUp(change: Partial<RestPlan> = {}) {
  const clock = createFakeClock();
  const quotes: SourceQuote[] = [];
  const batches: string[][] = [];
  const halted = new Set<string>();
  const may = { ask: true };
  let answer: FetchOutcome<readonly FetchedPrice[]> | undefined;
  const fetches = createPriceFetches({
    clock,
    logger: silentLogger,
    fetcher: {
      async batch(instruments) {
        batches.push(instruments.map(({ symbol }) => symbol));
        const value = instruments.map((market) => ({
          ...market,
          price: '2.5',
          confirmedMonotonicMs: clock.monotonicMs(),
        }));
        return answer ?? { kind: 'ok', value };
      },
    },
    mayAsk: () => may.ask,
    isHalted: ({ symbol }) => halted.has(symbol),
    onQuote: (quote) => quotes.push(quote),
  });
  const plan: RestPlan = {
    markets: [BTC, ETH],
    isFallbackEnabled: true,
    batchIntervalMs: 2_000,
    prewarm: () => undefined,
    ...change,
  };
  return { clock, quotes, batches, halted, may, fetches, plan, reply: (next: typeof answer) => void (answer = next) };
}

test('a prewarm brings the prices of all markets by one batch, at once', async () => {
  const { clock, quotes, batches, fetches, plan } = setUp({
    prewarm: () => ({ intervalMs: 30_000, includes: () => true }),
  });
  fetches.follow(plan);
  await clock.advance(0);
  expect(batches).toEqual([['BTC-USD', 'ETH-USD']]);
  expect(quotes).toEqual([
    { ...BTC, price: (DECIMAL_ONE * 5n) / 2n, confirmedMonotonicMs: 0, via: 'prewarm' },
    { ...ETH, price: (DECIMAL_ONE * 5n) / 2n, confirmedMonotonicMs: 0, via: 'prewarm' },
  ]);
  fetches.stop();
});

test('10,000 markets are one batch', async () => {
  const markets = Array.from({ length: 10_000 }, (_, index) => ({
    ...BTC,
    asset: `A${index}`,
    symbol: `A${index}-USD`,
  }));
  const { clock, quotes, batches, fetches, plan } = setUp({ markets });
  fetches.follow(plan);
  await clock.advance(5_000);
  expect(batches).toHaveLength(1);
  expect(quotes).toHaveLength(10_000);
  fetches.stop();
});

test('a prewarm may be meant for some, and a parameter may ask for it at any time', async () => {
  let prewarm: ReturnType<RestPlan['prewarm']> = undefined;
  const { clock, batches, fetches, plan } = setUp({ prewarm: () => prewarm });
  fetches.follow(plan);
  fetches.note('live');
  await clock.advance(60_000);
  expect(batches).toEqual([]);
  prewarm = { intervalMs: 30_000, includes: ({ asset }) => asset === 'ETH' };
  await clock.advance(5_000);
  expect(batches).toEqual([['ETH-USD']]);
  fetches.stop();
});

test('a market that stands still is left out, and so is what is no price', async () => {
  const { clock, quotes, halted, fetches, plan, reply } = setUp();
  halted.add('BTC-USD');
  fetches.follow(plan);
  await clock.advance(5_000);
  expect(quotes.map(({ asset, via }) => `${asset} ${via}`)).toEqual(['ETH rest']);
  const known = { quote: 'USD', confirmedMonotonicMs: 0 };
  reply({
    kind: 'ok',
    value: [
      { ...known, asset: 'ETH', price: '0' },
      { ...known, asset: 'ETH', price: 'n/a' },
      { ...known, asset: 'DOGE', price: '1' },
      { ...known, asset: 'ETH', price: '3', bid: '2', ask: '4', tradeTime: '2026-10-03T20:58:31.127510Z' },
    ],
  });
  await clock.advance(2_000);
  expect(quotes.slice(1)).toEqual([
    {
      ...ETH,
      price: 3n * DECIMAL_ONE,
      bid: 2n * DECIMAL_ONE,
      ask: 4n * DECIMAL_ONE,
      tradeAtMs: Date.parse('2026-10-03T20:58:31.127Z'),
      confirmedMonotonicMs: 0,
      via: 'rest',
    },
  ]);
  fetches.stop();
});

test('a refusal is waited out, and after the stop nothing is told or asked', async () => {
  const { clock, quotes, batches, fetches, plan, reply } = setUp();
  reply({ kind: 'refused', cause: 'throttled', reason: '429', retryAfterMs: 20_000 });
  fetches.follow(plan);
  await clock.advance(24_000);
  expect(batches).toHaveLength(1);
  reply(undefined);
  await clock.advance(1_000);
  expect(batches).toHaveLength(2);
  const told = quotes.length;
  fetches.stop();
  await clock.advance(60_000);
  expect([batches.length, quotes.length]).toEqual([2, told]);
});

test('asks nothing without the right to, and what is due at once when it comes', async () => {
  const { clock, batches, may, fetches, plan } = setUp({
    prewarm: () => ({ intervalMs: 30_000, includes: ({ asset }) => asset === 'ETH' }),
  });
  may.ask = false;
  fetches.follow(plan);
  await clock.advance(60_000);
  expect([batches, fetches.isStandingIn]).toEqual([[], false]);
  may.ask = true;
  fetches.review();
  await clock.advance(100);
  // The socket has been down for long: its place comes before the prewarm, and has what that would bring.
  expect([batches, fetches.isStandingIn]).toEqual([[['BTC-USD', 'ETH-USD']], true]);
  may.ask = false;
  fetches.review();
  await clock.advance(60_000);
  expect([batches.length, fetches.isStandingIn]).toEqual([1, false]);
  fetches.stop();
});
