/** Two feeds that name different quotas for one exchange: both say so and which holds, until they agree again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from './harness/eventually.ts';
import { apply, conditionOf, get, patch, remove } from './harness/kubectl.ts';
import { namespace } from './harness/cluster.ts';
import { priceFeed, type PriceFeed } from './harness/resources.ts';

const HIGH = 'e2e-quota-high';
const LOW = 'e2e-quota-low';

const sourcesWith = (points: number): readonly object[] => [
  { name: 'gateio', exchange: 'gateio', quota: { points, duration: '10s', window: 'Smooth' } },
];

/** The template's own sources are replaced. */
function feedWith(name: string, asset: string, points: number): object {
  const feed = priceFeed({ name }, { assets: [asset], quote: 'EUR' });
  return { ...feed, spec: { assets: [asset], quote: 'EUR', replicas: 1, sources: sourcesWith(points) } };
}

function whenConflict(name: string, status: 'True' | 'False', reason: string): Promise<string> {
  return eventually(async () => {
    const feed = await get<PriceFeed>('pf', name);
    const condition = conditionOf(feed, 'QuotaConflict');
    expect(condition).toMatchObject({ status, reason, observedGeneration: feed.metadata.generation });
    return condition?.message ?? '';
  });
}

beforeAll(() => apply(feedWith(HIGH, 'QQA', 90), feedWith(LOW, 'QQB', 60)));
afterAll(async () => {
  await remove('pf', HIGH);
  await remove('pf', LOW);
});

it('is said by both, with the quota that holds and who names it', async () => {
  const message = await whenConflict(HIGH, 'True', 'DifferentQuotas');
  expect(message).toContain(
    `gateio: 60 in 10s (Smooth) of PriceFeed ${namespace}/${LOW} holds, here 90 in 10s (Smooth)`,
  );
  expect(await whenConflict(LOW, 'True', 'DifferentQuotas')).toContain('60 in 10s (Smooth)');
});

it('ends when they agree', async () => {
  await patch('pf', HIGH, { spec: { sources: sourcesWith(60) } });
  await whenConflict(HIGH, 'False', 'NoQuotaConflict');
  await whenConflict(LOW, 'False', 'NoQuotaConflict');
});
