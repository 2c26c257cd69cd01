/** An upgrade with other values rolls the price servers under load from outside: no caller notices. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { release } from './harness/cluster.ts';
import { eventually } from './harness/eventually.ts';
import { helm } from './harness/helm.ts';
import { apply, kubectl, remove } from './harness/kubectl.ts';
import { startLoad } from './harness/load.ts';
import { DECIDERS, isReady, livesOf, podsOf } from './harness/pods.ts';
import { keySecretOf, policyWithKey, whenTrue } from './harness/resources.ts';
import { secretText } from './harness/valkey.ts';

const name = 'e2e-upgrade';
/** Issue: of at least so many requests none fails. */
const REQUESTS = 5_000;

let key: string;

beforeAll(async () => {
  await apply(policyWithKey({ name }, {}));
  await whenTrue('akp', { name });
  key = await secretText(keySecretOf(name), 'key');
});

const upgrade = (...flags: readonly string[]): Promise<string> =>
  helm('upgrade', release, 'charts/weir', '--reset-then-reuse-values', ...flags, '--wait', '--timeout', '300s');

afterAll(async () => {
  await remove('akp', name);
  await upgrade('--set-json', 'services.price.podAnnotations={}');
});

const namesOf = async (): Promise<readonly string[]> => (await podsOf(DECIDERS)).map(({ metadata }) => metadata.name);

describe('helm upgrade', () => {
  it('to the same values restarts nothing', async () => {
    const all = async (): Promise<readonly string[]> => livesOf(await podsOf('app.kubernetes.io/part-of=weir'));
    const before = await all();
    await upgrade();
    expect(await all()).toEqual(before);
  });

  it('to other values, and a rolling restart after it, fail no request', async () => {
    const before = await namesOf();
    const load = startLoad({ key, path: '/price?asset=BTC', requestsPerSecond: 120, connections: 24 });
    await upgrade('--set-string', 'services.price.podAnnotations.rolled=by-an-upgrade');
    const upgraded = await namesOf();
    expect(upgraded.filter((pod) => before.includes(pod))).toEqual([]);
    await kubectl('rollout', 'restart', `deployment/${release}-price`);
    await kubectl('rollout', 'status', `deployment/${release}-price`, '--timeout=180s');
    expect((await namesOf()).filter((pod) => upgraded.includes(pod))).toEqual([]);
    await eventually(() => {
      expect(load.sent).toBeGreaterThan(REQUESTS);
      return Promise.resolve();
    }, 120_000);
    const report = await load.stop();
    console.log(`${report.sent} requests during an upgrade and a restart: ${JSON.stringify(report.failures)}`);
    expect(report.sent).toBeGreaterThan(REQUESTS);
    expect(report.failures).toEqual({});
    expect((await podsOf(DECIDERS)).filter(isReady)).toHaveLength(3);
  });
});
