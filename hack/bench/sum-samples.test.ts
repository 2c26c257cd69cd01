import { describe, expect, it } from 'vitest';
import { sumSamples } from './sum-samples.ts';

const PAGE = `# TYPE rest_client_requests_total counter
rest_client_requests_total{method="GET",code="200"} 7
rest_client_requests_total{method="PATCH",code="200"} 2
rest_client_requests_total{code="409",method="PATCH"} 1
rest_client_requests_total_more{method="PATCH"} 50
up 1
last{path="/a b"} 4 1700000000
`;

describe('sumSamples', () => {
  it('adds up what has the labels, in any order, of that metric alone', () => {
    expect(sumSamples(PAGE, 'rest_client_requests_total', { method: 'PATCH' })).toBe(3);
    expect(sumSamples(PAGE, 'rest_client_requests_total', {})).toBe(10);
  });

  it('reads a sample without labels, and one with blanks and a time', () => {
    expect([sumSamples(PAGE, 'up', {}), sumSamples(PAGE, 'last', {})]).toEqual([1, 4]);
  });

  it('is 0 where there is none', () => {
    expect(sumSamples(PAGE, 'rest_client_requests_total', { method: 'DELETE' })).toBe(0);
  });
});
