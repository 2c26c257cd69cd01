import { DEFAULT_FRESHNESS, formatDecimal, parseDecimal, type Decimal } from '@weir/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aggregateQuotes, type Aggregate, type AggregationRules, type Vote } from './aggregate-quotes.ts';

const decimal = (text: string): Decimal => parseDecimal(text) ?? 0n;

const NOW_MS = 1_000_000;

function rules(change: Partial<AggregationRules> = {}): AggregationRules {
  return { method: 'Median', minSources: 1, maxDeviationBps: 50, freshness: DEFAULT_FRESHNESS, ...change };
}

/** Votes of venues a, b, c... with their prices and ages. */
function votes(...quotes: readonly (readonly [price: string, ageMs?: number, half?: string])[]): Vote[] {
  return quotes.map(([price, ageMs = 0, half = '0'], index) => ({
    source: `${'abcdef'[index]}-ws`,
    price: decimal(price),
    halfSpread: decimal(half),
    confirmedMs: NOW_MS - ageMs,
    movedMs: NOW_MS - ageMs,
    leftMs: -Infinity,
  }));
}

function agree(cast: readonly Vote[], change: Partial<AggregationRules> = {}, previous?: Aggregate): string {
  const aggregate = aggregateQuotes(cast, rules(change), NOW_MS, previous);
  if (aggregate === undefined) return 'kept';
  const { price, confidence, sources, flags } = aggregate;
  return [formatDecimal(price), `±${formatDecimal(confidence)}`, sources.join(','), ...flags].join(' ');
}

function ageOf(cast: readonly Vote[], change: Partial<AggregationRules> = {}): number | undefined {
  const aggregate = aggregateQuotes(cast, rules(change), NOW_MS);
  return aggregate === undefined ? undefined : NOW_MS - aggregate.confirmedMs;
}

function priceOf(text: string): Aggregate {
  return { price: decimal(text), confidence: 0n, confirmedMs: 0, sources: [], flags: [], outliers: 0 };
}

describe('the price', () => {
  test('of one source is its text to the digit', () => {
    expect(agree(votes(['0.000000000000000001']))).toBe('0.000000000000000001 ±0 a-ws single');
    expect(agree(votes(['999999999999999.999999999999999999']))).toBe(
      '999999999999999.999999999999999999 ±0 a-ws single',
    );
  });

  test('of two sources is their exact mean, of three the middle one', () => {
    expect(agree(votes(['64123.07'], ['64123.08']))).toBe('64123.075 ±0.005 a-ws,b-ws');
    expect(agree(votes(['100.1'], ['100.3'], ['100.2']))).toBe('100.2 ±0.1 a-ws,b-ws,c-ws');
  });

  test('counts aging sources and never stale ones', () => {
    const cast = votes(['100', 14_000], ['100.2', 15_000], ['100.4', 15_001]);
    expect(agree(cast)).toBe('100.1 ±0.1 a-ws,b-ws');
    expect(agree(votes(['100', 15_001]))).toBe('kept');
  });

  test('is kept when fewer sources than needed are eligible', () => {
    expect(agree(votes(['100'], ['100.1', 20_000]), { minSources: 2 })).toBe('kept');
    expect(agree([])).toBe('kept');
  });

  test('by priority is that of the first fresh source in the order of the document, else of the first eligible one', () => {
    const cast = votes(['100', 16_000], ['107', 9_000], ['101', 5_001]);
    expect(agree([...cast, ...votes(['102', 5_000], ['103'])], { method: 'Priority' })).toBe('102 ±0 a-ws');
    expect(agree(cast, { method: 'Priority' })).toBe('107 ±0 b-ws');
    expect(ageOf(cast, { method: 'Priority' })).toBe(9_000);
    expect(agree(cast, { method: 'Priority', minSources: 3 })).toBe('kept');
  });
});

describe('outliers', () => {
  test('of three or more are not counted beyond the allowed deviation', () => {
    // Of three by twice as much as of more.
    expect(agree(votes(['100'], ['100.4'], ['101.5']))).toBe('100.2 ±0.2 a-ws,b-ws');
    expect(agree(votes(['100'], ['100.4'], ['101.4']))).toBe('100.4 ±1 a-ws,b-ws,c-ws');
    expect(agree(votes(['100'], ['100'], ['100.1'], ['100.6']))).toBe('100 ±0.1 a-ws,b-ws,c-ws');
  });

  test('of four or more that scatter are judged by how much the middle half of them does', () => {
    // The median is 100.15, of the distances from it the median is 0.1, and 0.7413 is allowed.
    expect(agree(votes(['100'], ['100.1'], ['100.2'], ['100.89']))).toBe('100.15 ±0.05 a-ws,b-ws,c-ws,d-ws');
    expect(agree(votes(['100'], ['100.1'], ['100.2'], ['100.9']))).toBe('100.1 ±0.1 a-ws,b-ws,c-ws');
  });

  test('never make up half of the votes, the furthest goes first', () => {
    // Half of the votes on either side: nobody is wrong by a majority.
    expect(agree(votes(['100'], ['100'], ['200'], ['201']))).toBe('150 ±50 a-ws,b-ws,c-ws,d-ws');
  });

  test('of two: the one nearer to the previous price stands, at first the one listed first', () => {
    const cast = votes(['100'], ['101']);
    expect(agree(cast)).toBe('100 ±0 a-ws disputed');
    expect(agree(cast, {}, priceOf('100.9'))).toBe('101 ±0 b-ws disputed');
    expect(agree(cast, {}, priceOf('100.5'))).toBe('100 ±0 a-ws disputed');
    expect(agree(votes(['100'], ['100.5']), {}, priceOf('500'))).toBe('100.25 ±0.25 a-ws,b-ws');
  });

  test('do not count towards the sources that must agree', () => {
    expect(agree(votes(['100'], ['101']), { minSources: 2 })).toBe('kept');
    expect(agree(votes(['100'], ['100'], ['150']), { minSources: 3 })).toBe('kept');
  });
});

describe('the confidence', () => {
  test('is that of the wider side of the middle half of all votes, each with half its spread to either side', () => {
    expect(agree(votes(['100', 0, '0.02']))).toBe('100 ±0.02 a-ws single');
    // 99.9 99.95 100 | 100 100.05 100.1: a quarter of six votes is left out at either end.
    expect(agree(votes(['100', 0, '0.1'], ['100', 0, '0.05']))).toBe('100 ±0.05 a-ws,b-ws');
    expect(agree(votes(['100'], ['100'], ['100'], ['100.2', 0, '0.1']))).toBe('100 ±0 a-ws,b-ws,c-ws,d-ws');
  });
});

describe('a vote that has grown old', () => {
  test('steps aside when newer ones are there, but has judged them before', () => {
    const old = [
      ['100', 9_000],
      ['100.1', 9_000],
      ['100', 9_000],
    ] as const;
    expect(agree(votes(...old, ['100.2'], ['103']))).toBe('100.2 ±0 d-ws single');
  });
});

describe('the age', () => {
  test('is that of the oldest counted vote', () => {
    expect(ageOf(votes(['100', 200], ['100.1', 4_000]))).toBe(4_000);
  });

  test('does not rise with a venue that has fallen silent while others are fresh', () => {
    const cast = votes(['100', 100], ['100.2', 5_101], ['100.1', 300]);
    expect(ageOf(cast)).toBe(300);
    expect(agree(cast)).toBe('100.05 ±0.05 a-ws,c-ws');
  });

  test('rises with that venue when the price needs its vote', () => {
    expect(ageOf(votes(['100', 100], ['100.1', 12_000]), { minSources: 2 })).toBe(12_000);
  });
});

const anyVotes = fc
  .array(fc.record({ price: fc.bigInt(1n, 10n ** 33n), ageMs: fc.integer({ min: 0, max: 20_000 }) }), { maxLength: 7 })
  .map((list): Vote[] =>
    list.map(({ price, ageMs }, index) => ({
      source: `v${index}-ws`,
      price,
      halfSpread: 0n,
      confirmedMs: NOW_MS - ageMs,
      movedMs: NOW_MS - ageMs,
      leftMs: -Infinity,
    })),
  );
const anyRules = fc
  .record({ minSources: fc.integer({ min: 1, max: 4 }), maxDeviationBps: fc.integer({ min: 1, max: 10_000 }) })
  .map((change) => rules(change));

test('property: no vote that went into a price is older than its age, or stale, and it lies within its votes', () => {
  fc.assert(
    fc.property(anyVotes, anyRules, fc.option(fc.bigInt(1n, 10n ** 33n)), (cast, settings, previous) => {
      const before = previous === null ? undefined : { ...priceOf('1'), price: previous };
      const aggregate = aggregateQuotes(cast, settings, NOW_MS, before);
      if (aggregate === undefined) return;
      const counted = cast.filter((vote) => aggregate.sources.includes(vote.source));
      expect(counted.length).toBeGreaterThanOrEqual(settings.minSources);
      for (const vote of counted) {
        expect(vote.confirmedMs).toBeGreaterThanOrEqual(aggregate.confirmedMs);
        expect(NOW_MS - vote.confirmedMs).toBeLessThanOrEqual(DEFAULT_FRESHNESS.staleMs);
      }
      const prices = counted.map((vote) => vote.price).toSorted((a, b) => (a < b ? -1 : 1));
      const [low = 0n] = prices;
      const high = prices.at(-1) ?? 0n;
      expect(aggregate.confidence).toBeLessThanOrEqual(high - low);
      expect(low <= aggregate.price && aggregate.price <= high).toBe(true);
    }),
  );
});

test('property: a minority of wrong sources, however wrong, cannot carry the price out of the range of the others', () => {
  const minority = fc.integer({ min: 1, max: 3 }).chain((wrong) =>
    fc.record({
      wrong: fc.array(fc.bigInt(1n, 10n ** 33n), { minLength: wrong, maxLength: wrong }),
      right: fc.array(fc.bigInt(10n ** 20n, 10n ** 20n + 10n ** 17n), { minLength: wrong + 1, maxLength: wrong + 4 }),
      seed: fc.integer(),
    }),
  );
  fc.assert(
    fc.property(minority, anyRules, ({ wrong, right }, settings) => {
      const cast = [...wrong, ...right].map((price, index) => ({
        source: `v${index}-ws`,
        price,
        halfSpread: 0n,
        confirmedMs: NOW_MS,
        movedMs: NOW_MS,
        leftMs: -Infinity,
      }));
      const aggregate = aggregateQuotes(cast, { ...settings, minSources: 1 }, NOW_MS);
      const sorted = right.toSorted((a, b) => (a < b ? -1 : 1));
      expect(aggregate?.price).toBeGreaterThanOrEqual(sorted[0] ?? 0n);
      expect(aggregate?.price).toBeLessThanOrEqual(sorted.at(-1) ?? 0n);
    }),
  );
});

test('property: while every vote counts as plausible, the confirmation of a price never goes back', () => {
  const step = fc.record({ source: fc.integer({ min: 0, max: 3 }), afterMs: fc.integer({ min: 0, max: 9_000 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (steps, minSources) => {
      const cast: Vote[] = [];
      let nowMs = NOW_MS;
      let confirmedMs = 0;
      for (const { source, afterMs } of steps) {
        nowMs += afterMs;
        cast[source] = {
          source: `v${source}-ws`,
          price: 5n,
          halfSpread: 0n,
          confirmedMs: nowMs,
          movedMs: nowMs,
          leftMs: -Infinity,
        };
        const aggregate = aggregateQuotes(Object.values(cast), rules({ minSources }), nowMs);
        if (aggregate === undefined) continue;
        expect(aggregate.confirmedMs).toBeGreaterThanOrEqual(confirmedMs);
        confirmedMs = aggregate.confirmedMs;
      }
    }),
  );
});
