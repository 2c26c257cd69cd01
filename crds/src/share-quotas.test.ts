import type { FeedSource, UpstreamQuota } from '@weir/wire';
import { expect, test } from 'vitest';
import { compilePriceFeed } from './compile-price-feed.ts';
import { readResources } from './read-resources.ts';
import { shareQuotas } from './share-quotas.ts';

const quota = (points: number): UpstreamQuota => ({ points, durationMs: 60_000, window: 'Smooth' });

function documentOf(sources: string) {
  const text = `apiVersion: weir.dev/v1alpha1
kind: PriceFeed
metadata: { name: majors, namespace: weir }
spec: { assets: [BTC], sources: ${sources} }
`;
  const [resource] = readResources(text, 'feed.yaml');
  if (resource?.kind !== 'PriceFeed') throw new Error('it is one');
  return compilePriceFeed(resource);
}

test('the lowest quota that is named for an exchange stands in every document that names the exchange, and in no other', () => {
  const documents = [
    documentOf('[{ name: kraken, exchange: kraken }, { name: okx, exchange: okx }]'),
    documentOf('[{ name: kraken, exchange: kraken, quota: { points: 100, duration: 60s } }]'),
    documentOf('[{ name: kraken, exchange: kraken, quota: { points: 60, duration: 60s } }]'),
  ];
  const quotas = (sources: readonly FeedSource[]) => sources.map((source) => source.quota);
  const shared = shareQuotas(documents).map(({ sources }) => quotas(sources));
  expect(shared).toEqual([[quota(60), undefined], [quota(60)], [quota(60)]]);
  expect(quotas(documents[0]?.sources ?? [])).toEqual([undefined, undefined]);
});
