import { systemClock } from '@weir/clock';
import { expect, test } from 'vitest';
import golden from '../../test/price-feed/golden/children.json' with { type: 'json' };
import { SAMPLE_SETTINGS, sampleFeed, type SampleFeed } from '../../test/price-feed/sample-feed.ts';
import type { FeedSettings } from '../config.ts';
import { loginMarkOf } from './desired-config.ts';
import { desiredChildren, type DesiredChildren } from './desired.ts';

const childrenOf = (sample: SampleFeed = {}, settings: Partial<FeedSettings> = {}, hasWork = true): DesiredChildren =>
  desiredChildren({
    feed: sampleFeed(sample),
    settings: { ...SAMPLE_SETTINGS.feed, ...settings },
    loginMark: 'mark',
    venueAddresses: { kraken: { url: 'ws://exchanges:8090/kraken', restUrl: 'http://exchanges:8090/kraken' } },
    hasWork,
  });

/** A member deep below. */
const at = (object: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], object);
const podOf = (children: DesiredChildren): unknown => at(children.Deployment, 'spec', 'template', 'spec');
const containerOf = (children: DesiredChildren): unknown => at(podOf(children), 'containers', 0);
const configHashOf = (children: DesiredChildren): unknown =>
  at(children.Deployment, 'spec', 'template', 'metadata', 'annotations', 'weir.dev/config-hash');

test('the children of a feed are these', () => {
  const { Secret: _secret, ...children } = childrenOf();
  expect(children).toEqual(golden);
});

test('with TLS the authority lies in the Secret and is mounted', async () => {
  const children = childrenOf(
    {},
    { valkeyUrl: 'rediss://valkey:6380', valkeyCa: 'PEM', valkeyServername: 'valkey.svc' },
  );
  expect(at(children.Secret, 'data')).toEqual({
    WEIR_VALKEY_PASSWORD: btoa('secret'),
    WEIR_VALKEY_USERNAME: btoa('feed'),
    'ca.crt': btoa('PEM'),
  });
  expect(at(children.ConfigMap, 'data')).toMatchObject({
    WEIR_VALKEY_TLS_CA_FILE: '/etc/weir/valkey/ca.crt',
    WEIR_VALKEY_TLS_SERVERNAME: 'valkey.svc',
  });
  expect(at(containerOf(children), 'volumeMounts', 0, 'mountPath')).toBe('/etc/weir/valkey');
  expect(at(podOf(children), 'volumes', 0, 'secret', 'secretName')).toBe('majors-feed');
});

test('no object holds a null or an empty list, which an apply would fight over', () => {
  const text = JSON.stringify([
    childrenOf(),
    childrenOf({ spec: { workload: { tolerations: [], nodeSelector: {} } } }),
  ]);
  expect(text).not.toContain('null');
  expect(text).not.toContain('[]');
});

test('suspended, or without an asset of its own, a feed has no pods and no budget for their disruption', () => {
  for (const children of [childrenOf({ spec: { suspend: true } }), childrenOf({}, {}, false)]) {
    expect(at(children.Deployment, 'spec', 'replicas')).toBe(0);
    expect(children.PodDisruptionBudget).toBeUndefined();
  }
  expect(childrenOf({ spec: { replicas: 1 } }).PodDisruptionBudget).toBeUndefined();
});

test('labels of the user come along, but never in place of those that pods are found by', () => {
  const podLabels = { team: 'prices', 'app.kubernetes.io/instance': 'other', 'weir.dev/feed': 'other' };
  const children = childrenOf({ spec: { workload: { podLabels, podAnnotations: { note: 'x' } } } });
  const labels = at(children.Deployment, 'spec', 'template', 'metadata', 'labels');
  expect(labels).toMatchObject({ team: 'prices', 'app.kubernetes.io/instance': 'majors', 'weir.dev/feed': 'majors' });
  expect(labels).toMatchObject(at(children.Deployment, 'spec', 'selector', 'matchLabels') as object);
  expect(at(children.Deployment, 'spec', 'template', 'metadata', 'annotations', 'note')).toBe('x');
});

test('spec.workload goes before what is built in', () => {
  const workload = {
    image: 'mine:1',
    resources: { requests: { cpu: '2' } },
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'a', operator: 'Exists' }],
    topologySpreadConstraints: [{ maxSkew: 2, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule' }],
  };
  const children = childrenOf({ spec: { workload } }, { imagePullSecrets: ['registry'] });
  expect(containerOf(children)).toMatchObject({ image: 'mine:1', resources: workload.resources });
  const { nodeSelector, tolerations, topologySpreadConstraints } = workload;
  const imagePullSecrets = [{ name: 'registry' }];
  expect(podOf(children)).toMatchObject({ nodeSelector, tolerations, topologySpreadConstraints, imagePullSecrets });
});

test('a feed asks for as much as its markets need, in few steps', () => {
  const assets = (count: number): string[] => Array.from({ length: count }, (_, index) => `A${index}`);
  const resourcesOf = (count: number, sources: number): unknown => {
    const names = Array.from({ length: sources }, (_, index) => ({ name: `kraken-${index}`, exchange: 'kraken' }));
    return at(containerOf(childrenOf({ spec: { assets: assets(count), sources: names } })), 'resources');
  };
  expect(resourcesOf(1_000, 6)).toEqual(resourcesOf(2, 1));
  expect(resourcesOf(2, 1)).toEqual({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } });
  expect(resourcesOf(4_000, 6)).toMatchObject({ limits: { memory: '1Gi' } });
  expect(resourcesOf(10_000, 6)).toEqual({ requests: { cpu: '750m', memory: '1Gi' }, limits: { memory: '2Gi' } });
  expect(resourcesOf(10_000, 16)).toMatchObject({ limits: { memory: '4Gi' } });
});

test('pods start anew with other settings or another login, not with other assets', () => {
  const hash = configHashOf(childrenOf());
  expect(configHashOf(childrenOf({ spec: { assets: ['SOL'], freshness: { fresh: '2s' } } }))).toBe(hash);
  expect(configHashOf(childrenOf({}, { valkeyUrl: 'redis://other:6379' }))).not.toBe(hash);
  const inputs = { feed: sampleFeed(), settings: SAMPLE_SETTINGS.feed, venueAddresses: {}, hasWork: true };
  const [first, second] = ['mark', 'other mark'].map((loginMark) => desiredChildren({ ...inputs, loginMark }));
  expect(configHashOf(first as DesiredChildren)).not.toBe(configHashOf(second as DesiredChildren));
});

test('of the login nothing is told outside of the Secret but a mark, which differs with it and is slow to test', () => {
  const { Secret: _one, ...ours } = childrenOf({}, { valkeyPassword: 'hunter2' });
  const { Secret: _two, ...theirs } = childrenOf({}, { valkeyPassword: 'hunter3' });
  expect(ours).toEqual(theirs);
  const startedMs = systemClock.monotonicMs();
  const mark = loginMarkOf(SAMPLE_SETTINGS.feed);
  expect(systemClock.monotonicMs() - startedMs).toBeGreaterThan(10);
  expect(loginMarkOf(SAMPLE_SETTINGS.feed)).toBe(mark);
  expect(loginMarkOf({ ...SAMPLE_SETTINGS.feed, valkeyPassword: 'other' })).not.toBe(mark);
  expect(loginMarkOf({ ...SAMPLE_SETTINGS.feed, valkeyCa: 'PEM' })).not.toBe(mark);
});

test('a password is nowhere but in the Secret', () => {
  const { Secret: _secret, ...others } = childrenOf({}, { valkeyPassword: 'hunter2' });
  expect(JSON.stringify(others)).not.toContain('hunter2');
  expect(JSON.stringify(others)).not.toContain(btoa('hunter2'));
});

test('without a login there is no Secret and nothing refers to it', () => {
  const { valkeyPassword: _none, ...settings } = SAMPLE_SETTINGS.feed;
  const children = desiredChildren({ feed: sampleFeed(), settings, loginMark: '', venueAddresses: {}, hasWork: true });
  expect(children.Secret).toBeUndefined();
  expect(JSON.stringify(children.Deployment)).not.toContain('secretKeyRef');
});

test('the network policy opens the ports of every address that is used, and can be switched off', () => {
  const sources = [
    { name: 'a', exchange: 'kraken' },
    { name: 'b', exchange: 'coinbase', url: 'ws://proxy.example:9000', restUrl: 'http://proxy.example:9001' },
    { name: 'c', exchange: 'okx' },
  ];
  const children = childrenOf({ spec: { sources } }, { otlpEndpoint: 'http://collector:4318' });
  const ports = at(children.NetworkPolicy, 'spec', 'egress', 1, 'ports') as { port: number }[];
  expect(ports.map(({ port }) => port)).toEqual([443, 4318, 6379, 8090, 8443, 9000, 9001]);
  expect(childrenOf({}, { hasNetworkPolicy: false }).NetworkPolicy).toBeUndefined();
});

test('every child tells by a hash that something is no longer desired', () => {
  const hashOf = (children: DesiredChildren): unknown =>
    at(children.Deployment, 'metadata', 'annotations', 'weir.dev/desired-hash');
  const before = hashOf(childrenOf({ spec: { workload: { nodeSelector: { disk: 'ssd' } } } }));
  expect(hashOf(childrenOf())).not.toBe(before);
  expect(hashOf(childrenOf())).toBe(hashOf(childrenOf()));
});
