/** Prices of seeded markets with sources that lie, freeze and cross their books, held against the true price. */
import type { Decimal, FeedDocument } from '@weir/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { slackBps } from '../test/price-band.ts';
import { documentWith } from '../test/sample-document.ts';
import { BASIS_BPS, playMarket, shuffled, type MarketSource, type MarketStep } from '../test/seeded-market.ts';
import type { Aggregate } from './aggregate-quotes.ts';
import { createQuoteBook } from './keep-quotes.ts';

const NAMES = ['coinbase', 'kraken', 'gemini', 'gateio', 'bybit', 'okx'];
const STEPS = 80;

interface Seen {
  readonly step: MarketStep;
  readonly aggregate: Aggregate | undefined;
}

function watch(steps: readonly MarketStep[], document: FeedDocument): Seen[] {
  const book = createQuoteBook();
  book.configure(document);
  return steps.map((step) => {
    for (const { source, quote } of step.said) book.record(source, quote);
    return { step, aggregate: book.refresh('BTC', step.nowMs) };
  });
}

const documentOf = (sources: readonly MarketSource[], method: 'Median' | 'Priority' = 'Median'): FeedDocument =>
  documentWith({
    sources: sources.map(({ name }) => ({ name, exchange: name })),
    aggregation: { method, minSources: 1, maxDeviationBps: 50 },
  });

/** The true price between the record's instant and now, which is all that it may be held against. */
function truthsSince(seen: readonly Seen[], index: number, sinceMs: number): readonly [Decimal, Decimal] {
  const known = seen.slice(0, index + 1).filter(({ step }) => step.nowMs >= sinceMs);
  const truths = known.map(({ step }) => step.truth).toSorted((a, b) => (a < b ? -1 : 1));
  return [truths[0] ?? 0n, truths.at(-1) ?? 0n];
}

function expectWithin(seen: readonly Seen[], slack: number): void {
  // And what is rounded away.
  const bps = BigInt(Math.ceil(slack * 100)) + 1n;
  for (const [index, { aggregate, step }] of seen.entries()) {
    if (aggregate === undefined) continue;
    const [low, high] = truthsSince(seen, index, aggregate.confirmedMs);
    const context = `${JSON.stringify(aggregate.sources)} ${aggregate.flags.join()} at ${step.nowMs}`;
    expect(aggregate.price > 0n && aggregate.confidence >= 0n, context).toBe(true);
    expect(aggregate.price * 1_000_000n, context).toBeGreaterThanOrEqual(low * (1_000_000n - bps));
    expect(aggregate.price * 1_000_000n, context).toBeLessThanOrEqual(high * (1_000_000n + bps));
  }
}

/** So many sources of which fewer than half are wrong; there is always an honest one in dollars. */
const anySources = fc
  .record({
    count: fc.integer({ min: 3, max: 6 }),
    manners: fc.array(fc.constantFrom('liar', 'frozen', 'crossed'), { maxLength: 2 }),
    order: fc.integer(),
  })
  .map(({ count, manners, order }): MarketSource[] => {
    const wrong = manners.slice(0, (count - 1) >> 1);
    const sources = Array.from({ length: count }, (_, index): Omit<MarketSource, 'name'> => ({
      manner: wrong[index - 1] ?? 'honest',
      quote: index % 2 === 0 ? 'USD' : 'USDT',
    }));
    return shuffled(sources, order).map((source, index) => ({ ...source, name: NAMES[index] ?? '' }));
  });
const anySeed = fc.integer();

test('property: with a minority of wrong sources the price stays within what the honest ones say, and is a price', () => {
  fc.assert(
    fc.property(anySources, anySeed, (sources, seed) => {
      const document = documentOf(sources);
      const seen = watch(playMarket(seed, sources, STEPS), document);
      expect(seen.at(-1)?.aggregate).toBeDefined();
      const wrong = sources.filter(({ manner }) => manner !== 'honest').length;
      const slack = slackBps({ basisBps: BASIS_BPS, voting: sources.length, wrong, areHonestTogether: true }, document);
      expectWithin(seen, slack ?? -1);
    }),
  );
});

test('property: the order in which things are said between two looks has no part in the price', () => {
  fc.assert(
    fc.property(anySources, anySeed, anySeed, fc.constantFrom('Median', 'Priority'), (sources, seed, order, method) => {
      const steps = playMarket(seed, sources, STEPS);
      const other = steps.map((step) => ({ ...step, said: shuffled(step.said, order + step.nowMs) }));
      const document = documentOf(sources, method);
      expect(watch(other, document).map(({ aggregate }) => aggregate)).toEqual(
        watch(steps, document).map(({ aggregate }) => aggregate),
      );
    }),
    { numRuns: 50 },
  );
});

test('property: a source that nobody confirms has no vote once it is stale', () => {
  fc.assert(
    fc.property(anySources, anySeed, fc.constantFrom('Median', 'Priority'), (sources, seed, method) => {
      const document = documentOf(sources, method);
      const seen = watch(playMarket(seed, sources, STEPS), document);
      const frozen = new Set(sources.filter(({ manner }) => manner === 'frozen').map(({ name }) => `${name}-ws`));
      const staleFromMs = (STEPS / 4) * 500 + document.freshness.staleMs;
      for (const { step, aggregate } of seen) {
        if (step.nowMs <= staleFromMs) continue;
        expect(aggregate?.sources.filter((source) => frozen.has(source))).toEqual([]);
      }
    }),
    { numRuns: 50 },
  );
});

test('property: by priority an honest first source is what counts, and the next when it falls silent', () => {
  fc.assert(
    fc.property(anySeed, fc.constantFrom('honest', 'frozen'), (seed, manner) => {
      const sources: MarketSource[] = [
        { name: 'coinbase', manner, quote: 'USD' },
        { name: 'okx', manner: 'honest', quote: 'USDT' },
        { name: 'kraken', manner: 'liar', quote: 'USD' },
      ];
      const document = documentOf(sources, 'Priority');
      const seen = watch(playMarket(seed, sources, STEPS), document);
      expectWithin(seen, BASIS_BPS);
      expect(seen.at(-1)?.aggregate?.sources).toEqual([manner === 'honest' ? 'coinbase-ws' : 'okx-ws']);
    }),
    { numRuns: 50 },
  );
});
