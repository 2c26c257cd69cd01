import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLUSTER_LAW, judge, LOCAL_LAW, shedTargetMicro, type Totals } from './shed-law.ts';

const law = fc.constantFrom(CLUSTER_LAW, LOCAL_LAW);
const totals = fc
  .tuple(fc.nat({ max: 100_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([total, share]): Totals => ({ total, successes: Math.floor(total * share) }));

describe('shed law', () => {
  it('sheds between nothing and 0.95', () => {
    fc.assert(
      fc.property(totals, law, (counts, settings) => {
        const target = shedTargetMicro(counts, settings);
        expect(Number.isInteger(target) && target >= 0 && target <= 950_000).toBe(true);
      }),
    );
  });

  it('sheds nothing exactly when the share of successes reaches the threshold', () => {
    fc.assert(
      fc.property(totals, law, (counts, settings) => {
        fc.pre(counts.total > 0);
        const isGood = counts.successes * 100 >= counts.total * settings.thresholdPercent;
        expect(shedTargetMicro(counts, settings) === 0).toBe(isGood);
      }),
    );
  });

  it('sheds no more when more succeed, and no less when more is known of the same share', () => {
    fc.assert(
      fc.property(totals, law, fc.nat({ max: 100 }), (counts, settings, more) => {
        const better = { total: counts.total, successes: Math.min(counts.total, counts.successes + more) };
        expect(shedTargetMicro(better, settings)).toBeLessThanOrEqual(shedTargetMicro(counts, settings));
        const doubled = { total: counts.total * 2, successes: counts.successes * 2 };
        expect(shedTargetMicro(doubled, settings)).toBeGreaterThanOrEqual(shedTargetMicro(counts, settings));
      }),
    );
  });

  it('sheds 0.61 of what fails by half, and nearly all of what fails wholly', () => {
    expect(shedTargetMicro({ total: 1_000, successes: 500 }, CLUSTER_LAW) / 1_000_000).toBeCloseTo(0.607, 3);
    expect(shedTargetMicro({ total: 1_000, successes: 0 }, CLUSTER_LAW)).toBe(950_000);
  });

  it('says nothing from fewer than 20 requests', () => {
    const failed = { total: 19, successes: 0 };
    expect(judge(failed, failed, 0, CLUSTER_LAW)).toEqual({ targetMicro: 0, evidence: undefined });
    const enough = { total: 20, successes: 0 };
    expect(judge(enough, { total: 0, successes: 0 }, 0, CLUSTER_LAW).evidence).toBe(enough);
  });

  it('believes a few recent requests that it gets better, and that it is no better, but not that it gets worse', () => {
    const failing = { total: 30, successes: 3 };
    const good = { total: 30, successes: 30 };
    expect(judge(failing, { total: 5, successes: 5 }, 950_000, CLUSTER_LAW).targetMicro).toBe(0);
    expect(judge(failing, { total: 4, successes: 4 }, 950_000, CLUSTER_LAW).evidence).toBe(failing);
    expect(judge(good, { total: 19, successes: 0 }, 0, CLUSTER_LAW).targetMicro).toBe(0);
    expect(judge(good, { total: 19, successes: 0 }, 400_000, CLUSTER_LAW).targetMicro).toBe(400_000);
  });

  it('keeps what is shed when too little is sent to say more, until all of that succeeds', () => {
    const few = { total: 12, successes: 5 };
    const none = { total: 0, successes: 0 };
    expect(judge(few, none, 700_000, CLUSTER_LAW)).toEqual({ targetMicro: 700_000, evidence: undefined });
    expect(judge(none, none, 700_000, CLUSTER_LAW).targetMicro).toBe(700_000);
    expect(judge({ total: 1, successes: 1 }, none, 700_000, CLUSTER_LAW).targetMicro).toBe(0);
    expect(judge(few, none, 0, CLUSTER_LAW).targetMicro).toBe(0);
  });

  it('is moved by more than luck alone while it sheds, and at once by what has changed', () => {
    const half = { total: 30, successes: 15 };
    const lucky = { total: 10, successes: 6 };
    expect(judge(half, lucky, 600_000, CLUSTER_LAW).targetMicro).toBe(600_000);
    const worse = { total: 20, successes: 4 };
    const worseMicro = shedTargetMicro(worse, CLUSTER_LAW) - 150_000;
    expect(judge(half, worse, 600_000, CLUSTER_LAW).targetMicro).toBe(worseMicro);
    // None of the 20 before succeeded.
    expect(judge({ total: 30, successes: 5 }, { total: 10, successes: 5 }, 950_000, CLUSTER_LAW).targetMicro).toBe(0);
    expect(judge({ total: 30, successes: 2 }, { total: 10, successes: 2 }, 950_000, CLUSTER_LAW).targetMicro).toBe(
      shedTargetMicro({ total: 10, successes: 2 }, CLUSTER_LAW),
    );
  });
});
