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
  const turns = { areHeld: false, held: [] as (() => void)[] };
  let answer: FetchOutcome<Iterable<FetchedPrice>> | undefined;
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
    isDoubted: () => false,
    nextTurn: (callback) => (turns.areHeld ? turns.held.push(callback) : callback()),
  });
  const plan: RestPlan = {
    markets: [BTC, ETH],
    isFallbackEnabled: true,
    batchIntervalMs: 2_000,
    prewarm: () => undefined,
    ...change,
  };
  return {
    clock,
    quotes,
    batches,
    halted,
    may,
    turns,
    fetches,
    plan,
    reply: (next: typeof answer) => void (answer = next),
  };
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
  const markets = manyMarkets(10_000);
  const { clock, quotes, batches, fetches, plan } = setUp({ markets });
  fetches.follow(plan);
  await clock.advance(5_000);
  expect(batches).toHaveLength(1);
  expect(quotes).toHaveLength(10_000);
  fetches.stop();
});

const manyMarkets = (count: number): readonly Instrument[] =>
  Array.from({ length: count }, (_, index) => ({ ...BTC, asset: `A${index}`, symbol: `A${index}-USD` }));

test('a batch is read and taken a hundred prices a turn of the event loop, and not at all after the stop', async () => {
  const { clock, quotes, halted, turns, fetches, plan, reply } = setUp({ markets: manyMarkets(1_000) });
  let read = 0;
  const prices = plan.markets.values().map((market) => {
    read += 1;
    return { ...market, price: '2', confirmedMonotonicMs: 0 };
  });
  reply({ kind: 'ok', value: prices });
  turns.areHeld = true;
  fetches.follow(plan);
  await clock.advance(5_000);
  expect([read, quotes.length]).toEqual([100, 100]);
  // What came to a standstill since the answer came is left out.
  halted.add('A150-USD');
  turns.held.pop()?.();
  await clock.advance(0);
  expect([read, quotes.length]).toEqual([200, 199]);
  fetches.stop();
  turns.held.pop()?.();
  await clock.advance(0);
  expect([quotes.length, turns.held.length]).toEqual([199, 0]);
});

test('a price that was asked for under another symbol is not taken for that of the new one', async () => {
  const { clock, quotes, turns, fetches, plan } = setUp({ markets: manyMarkets(200) });
  turns.areHeld = true;
  fetches.follow(plan);
  await clock.advance(5_000);
  const [first, ...others] = plan.markets;
  fetches.follow({
    ...plan,
    markets: [first as Instrument, ...others.map((market) => ({ ...market, symbol: 'new' }))],
  });
  turns.areHeld = false;
  turns.held.pop()?.();
  await clock.advance(0);
  expect(quotes).toHaveLength(100);
  fetches.stop();
});

test('a batch that cannot be taken is a fault of its own: the next one comes in its time', async () => {
  const { clock, quotes, fetches, plan, reply } = setUp();
  reply({
    kind: 'ok',
    value: plan.markets.values().map(() => {
      throw new Error('broken');
    }),
  });
  fetches.follow(plan);
  await clock.advance(5_000);
  reply(undefined);
  await clock.advance(2_000);
  expect(quotes).toHaveLength(2);
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
