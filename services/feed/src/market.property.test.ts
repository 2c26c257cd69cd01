/** Prices of seeded markets with sources that lie, freeze, are stuck or slow, held against the true price. */
import type { Decimal, FeedDocument } from '@weir/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { slackBps } from '../test/price-band.ts';
import { documentWith } from '../test/sample-document.ts';
import {
  BASIS_BPS,
  playMarket,
  shuffled,
  type HonestManner,
  type MarketSource,
  type MarketStep,
  type WrongManner,
} from '../test/seeded-market.ts';
import type { Aggregate } from './aggregate-quotes.ts';
import { createQuoteBook } from './keep-quotes.ts';

const NAMES = ['coinbase', 'kraken', 'gemini', 'gateio', 'bybit', 'okx'];
const STEPS = 80;
const STALE_MS = 15_000;

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

/** How far the true price has moved while anything that is not stale was said. */
function agedBpsAt(seen: readonly Seen[], index: number): number {
  const [low, high] = truthsSince(seen, index, (seen[index]?.step.nowMs ?? 0) - STALE_MS);
  return Number(((high - low) * 1_000_000n) / low) / 100 + 0.01;
}

/** `undefined`: nothing is promised of it. */
type SlackAt = (index: number, aggregate: Aggregate) => number | undefined;

function expectWithin(seen: readonly Seen[], slackAt: SlackAt): void {
  for (const [index, { aggregate, step }] of seen.entries()) {
    const slack = aggregate && slackAt(index, aggregate);
    if (aggregate === undefined || slack === undefined) continue;
    // And what is rounded away.
    const bps = BigInt(Math.ceil(slack * 100)) + 1n;
    const [low, high] = truthsSince(seen, index, aggregate.confirmedMs);
    const context = `${JSON.stringify(aggregate.sources)} ${aggregate.flags.join()} at ${step.nowMs}`;
    expect(aggregate.price > 0n && aggregate.confidence >= 0n, context).toBe(true);
    expect(aggregate.price * 1_000_000n, context).toBeGreaterThanOrEqual(low * (1_000_000n - bps));
    expect(aggregate.price * 1_000_000n, context).toBeLessThanOrEqual(high * (1_000_000n + bps));
  }
}

const WRONG: readonly WrongManner[] = ['liar', 'frozen', 'stuck', 'crossed'];
const isWrong = ({ manner }: MarketSource): boolean => WRONG.some((wrong) => wrong === manner);

/** So many sources of which fewer than half are wrong; the first honest one is in dollars and speaks all the time. */
function sourcesOf(honest: readonly HonestManner[], max = 6): fc.Arbitrary<MarketSource[]> {
  const drawn = {
    count: fc.integer({ min: 1, max }),
    wrong: fc.array(fc.constantFrom(...WRONG), { maxLength: 2 }),
    others: fc.array(fc.constantFrom(...honest), { minLength: max, maxLength: max }),
    order: fc.integer(),
  };
  return fc.record(drawn).map(({ count, wrong, others, order }): MarketSource[] => {
    const some = wrong.slice(0, (count - 1) >> 1);
    const sources = Array.from({ length: count }, (_, index): Omit<MarketSource, 'name'> => ({
      manner: index === 0 ? 'honest' : (some[index - 1] ?? others[index] ?? 'honest'),
      quote: index % 2 === 0 ? 'USD' : 'USDT',
    }));
    return shuffled(sources, order).map((source, index) => ({ ...source, name: NAMES[index] ?? '' }));
  });
}
/** Honest ones agree at all times. */
const anySources = sourcesOf(['honest']);
const anyHonestSources = sourcesOf(['honest', 'rest-only', 'slow', 'steps-back']);
const anySeed = fc.integer();

test('property: with a minority of wrong sources the price stays within what the honest ones say, and is a price', () => {
  fc.assert(
    fc.property(anySources, anySeed, (sources, seed) => {
      const document = documentOf(sources);
      const seen = watch(playMarket(seed, sources, STEPS), document);
      expect(seen.at(-1)?.aggregate).toBeDefined();
      const wrong = sources.filter(isWrong).length;
      const slack = slackBps({ basisBps: BASIS_BPS, voting: sources.length, wrong, areHonestTogether: true }, document);
      expectWithin(seen, () => slack ?? -1);
    }),
  );
});

test('property: nor does it leave the band of honest ones that are slow, or whose venue’s clock is set back', () => {
  fc.assert(
    fc.property(anyHonestSources, anySeed, (sources, seed) => {
      const document = documentOf(sources);
      const seen = watch(playMarket(seed, sources, STEPS), document);
      expect(seen.at(-1)?.aggregate).toBeDefined();
      const wrong = sources.filter(isWrong).length;
      expectWithin(seen, (index) => {
        // Who is frozen has no vote in the end, and other rules are those of fewer votes.
        const votings = wrong === 0 ? [sources.length] : [3, 4];
        const agedBps = agedBpsAt(seen, index);
        const slacks = votings.map(
          (voting) => slackBps({ basisBps: BASIS_BPS, voting, wrong: Math.min(wrong, 1), agedBps }, document) ?? 0,
        );
        return Math.max(...slacks);
      });
    }),
    { numRuns: 200 },
  );
});

test('property: a source alone, of whatever manner, is at most as far from the truth as its age says', () => {
  const anyManner = fc.constantFrom<HonestManner>('honest', 'rest-only', 'slow', 'steps-back');
  fc.assert(
    fc.property(anyManner, anySeed, (manner, seed) => {
      const sources: MarketSource[] = [{ name: 'coinbase', manner, quote: 'USD' }];
      const seen = watch(playMarket(seed, sources, STEPS), documentOf(sources));
      for (const { aggregate } of seen) expect(aggregate?.flags).toEqual(['single']);
      expectWithin(seen, () => BASIS_BPS);
      // Nor is it old without a reason.
      const ages = seen.map(({ step, aggregate }) => step.nowMs - (aggregate?.confirmedMs ?? 0));
      const oldest = { honest: 0, 'rest-only': 1_500, slow: 14_000, 'steps-back': 8_000 }[manner];
      expect(Math.max(...ages)).toBeLessThanOrEqual(oldest);
    }),
    { numRuns: 200 },
  );
});

test('property: of two sources one that is stuck is followed for no longer than a dispute lasts', () => {
  fc.assert(
    fc.property(anySeed, fc.boolean(), (seed, isStuckFirst) => {
      const two: MarketSource[] = [
        { name: 'kraken', manner: 'stuck', quote: 'USD' },
        { name: 'coinbase', manner: 'honest', quote: 'USD' },
      ];
      const sources = isStuckFirst ? two : two.toReversed();
      const document = documentOf(sources);
      const seen = watch(playMarket(seed, sources, 4 * STEPS), document);
      let disputedSinceMs: number | undefined;
      expectWithin(seen, (index, aggregate) => {
        const nowMs = seen[index]?.step.nowMs ?? 0;
        if (!aggregate.flags.includes('disputed')) {
          disputedSinceMs = undefined;
          // They differ by less than they may.
          return BASIS_BPS + document.aggregation.maxDeviationBps;
        }
        disputedSinceMs ??= nowMs;
        return nowMs - disputedSinceMs >= 5_000 ? BASIS_BPS : undefined;
      });
    }),
  );
});

test('property: a rate that leaves the dollar takes its votes with it and says so, and brings them back', () => {
  const RATE_STEPS = 240;
  const rateBpsAt = (step: number): number => 300 * Math.sin((2 * Math.PI * step) / RATE_STEPS);
  // What the rate moves by in two ticks, which is how far behind it is.
  const RATE_BPS = 2 * 2 * 8;
  fc.assert(
    fc.property(anySources, anySeed, (sources, seed) => {
      const document = documentOf(sources);
      const seen = watch(playMarket(seed, sources, RATE_STEPS, { rateBpsAt }), document);
      const isConverted = sources.some(({ manner, quote }) => quote === 'USDT' && manner === 'honest');
      for (const [index, { aggregate }] of seen.entries()) {
        const offBps = Math.abs(rateBpsAt(index));
        if (isConverted && offBps > 200 + RATE_BPS) expect(aggregate?.flags).toContain('depeg');
        if (offBps < 200 - RATE_BPS) expect(aggregate?.flags).not.toContain('depeg');
      }
      // Whoever is wrong may be in the majority of the votes in dollars.
      if (!sources.some(isWrong)) expectWithin(seen, () => BASIS_BPS + RATE_BPS);
    }),
    { numRuns: 50 },
  );
});

test('property: the order in which things are said between two looks has no part in the price', () => {
  fc.assert(
    fc.property(
      anyHonestSources,
      anySeed,
      anySeed,
      fc.constantFrom('Median', 'Priority'),
      (sources, seed, order, method) => {
        const steps = playMarket(seed, sources, STEPS);
        const other = steps.map((step) => ({ ...step, said: shuffled(step.said, order + step.nowMs) }));
        const document = documentOf(sources, method);
        expect(watch(other, document).map(({ aggregate }) => aggregate)).toEqual(
          watch(steps, document).map(({ aggregate }) => aggregate),
        );
      },
    ),
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
      expectWithin(seen, () => BASIS_BPS);
      expect(seen.at(-1)?.aggregate?.sources).toEqual([manner === 'honest' ? 'coinbase-ws' : 'okx-ws']);
    }),
    { numRuns: 50 },
  );
});
