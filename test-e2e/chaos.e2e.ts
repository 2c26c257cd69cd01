/** Seeded chaos in the cluster: venues, Valkey and feeds go wrong while served prices are held against the true ones. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runChaos } from '../hack/soak/chaos/chaos.ts';
import { openClusterToChaos, type ClusterUnderChaos } from './harness/chaos-target.ts';
import { apply, remove } from './harness/kubectl.ts';
import { keySecretOf, policyWithKey, whenTrue, type ApiKeyPolicy, type PriceFeed } from './harness/resources.ts';
import { secretText } from './harness/valkey.ts';

const name = 'e2e-chaos';
const FEED = 'majors';
const SEED = 1;
const DURATION_MS = 100_000;
/** A pod of Valkey takes some seconds to come back. */
const WORLD_EVERY_MS = 16_000;
/** By way of the API server. */
const LEARN_MS = 40;
/** On a machine with two cores it takes so long that steps of the truth are missed. */
const UNSEEN_BPS = 8;

let cluster: ClusterUnderChaos;

beforeAll(async () => {
  await apply(policyWithKey({ name }, {}, { onValkeyFailure: 'Allow' }));
  await whenTrue<ApiKeyPolicy>('akp', { name });
  await whenTrue<PriceFeed>('pf', { name: FEED });
  const key = await secretText(keySecretOf(name), 'key');
  cluster = await openClusterToChaos({ feed: FEED, assets: ['BTC', 'ETH', 'SOL', 'DOGE'], key });
});

afterAll(async () => {
  await cluster.stop();
  await remove('akp', name);
});

it('leaves no price beyond its rule and no age that lies, hands over within 3 s, and is over within 10 s', async () => {
  const result = await runChaos({
    target: cluster.target,
    seed: SEED,
    durationMs: DURATION_MS,
    worldEveryMs: WORLD_EVERY_MS,
    learnMs: LEARN_MS,
    unseenBps: UNSEEN_BPS,
    say: (text) => console.log(text),
  });
  console.log(JSON.stringify(result));
  expect(result).toMatchObject({ ok: true, violations: 0, refusals: 0, idle: [] });
});
