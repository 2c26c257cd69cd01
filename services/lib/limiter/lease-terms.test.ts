import { describe, expect, it } from 'vitest';
import { BURST_MAX, leaseTerms, RATE_PER_SECOND_MAX } from './lease-terms.ts';

describe('lease terms', () => {
  it('leases for at most 250 ms and a quarter of the time in which the bucket fills', () => {
    expect(leaseTerms({ ratePerSecond: 100, burst: 200 })).toMatchObject({ leaseMs: 250, leaseTokensMax: 25 });
    expect(leaseTerms({ ratePerSecond: 1_000, burst: 200 })).toMatchObject({ leaseMs: 50, leaseTokensMax: 50 });
  });

  it('leases nothing when that is shorter than 20 ms', () => {
    expect(leaseTerms({ ratePerSecond: 1_000, burst: 70 })).toMatchObject({ leaseMs: 0, leaseTokensMax: 0 });
  });

  it('rounds rates and bursts down, never to nothing', () => {
    expect(leaseTerms({ ratePerSecond: 8.333_33, burst: 2.9 })).toMatchObject({ rate: 8_333, burst: 2 });
    expect(leaseTerms({ ratePerSecond: 0.000_01, burst: 0.5 })).toMatchObject({ rate: 1, burst: 1 });
  });

  it('keeps the integers of the script below 2^53', () => {
    const { rate, burst } = leaseTerms({ ratePerSecond: 1e12, burst: 1e12 });
    expect({ rate, burst }).toEqual({ rate: RATE_PER_SECOND_MAX * 1_000, burst: BURST_MAX });
    expect(burst * 1_000_000_000 + rate).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });
});
