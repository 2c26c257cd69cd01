/** What the operator does for ApiKeyPolicies, against the cluster's API server and a real Valkey and Postgres. */
import { systemClock } from '@weir/clock';
import { checkKeyText, createKeyText, hashKeyText } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readKeySecret, rotatedKeySecret } from '../operator/src/api-key-policy/key-secret.ts';
import type { ApiKeyPolicy as Policy, Secret as PolicySecret } from '../operator/src/api-key-policy/policy.ts';
import { repository } from './harness/cluster.ts';
import { always, eventually } from './harness/eventually.ts';
import {
  conditionOf,
  find,
  get,
  kubectl,
  list,
  patch,
  remove,
  tryKubectl,
  type Condition,
  type KubeObject,
  type WithConditions,
} from './harness/kubectl.ts';
import { pauseInstalledOperator } from './harness/own-operator.ts';
import {
  applyIn,
  startPolicyWorld,
  type Decider,
  type PolicyOperator,
  type PolicyWorld,
} from './harness/policy-world.ts';

const HOUR_MS = 3_600_000;
/** Secrets are read every 20 s. */
const SOON_MS = 45_000;

interface ApiKeyPolicy extends WithConditions {
  readonly status?: NonNullable<WithConditions['status']> & {
    readonly revision?: string;
    readonly keys?: { readonly active: number; readonly expired: number; readonly invalid: number };
  };
}

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

interface KeyRow {
  readonly id: string;
  readonly revoked: boolean;
  readonly sha256: string;
  readonly endsAtMs: number | null;
}

let world: PolicyWorld;
let operator: PolicyOperator;
let decider: Decider;
let resumeInstalled: () => Promise<void>;
let name: string;
let count = 0;

beforeAll(async () => {
  await kubectl(
    'apply',
    '--server-side',
    '--force-conflicts',
    '-f',
    `${repository}/crds/apikeypolicies.yaml`,
    '-f',
    `${repository}/crds/pricefeeds.yaml`,
  );
  resumeInstalled = await pauseInstalledOperator();
  world = await startPolicyWorld();
  operator = await world.startOperator();
  decider = await world.startDecider();
  await decider.setReady(true);
});

afterAll(async () => {
  await world.stop();
  await resumeInstalled();
});

beforeEach(() => {
  count += 1;
  name = `p${count}`;
});

type Key = Readonly<Record<string, unknown>>;
const key = (changes: Key = {}): Key => ({
  name: 'acme',
  project: 'acme',
  secretRef: { name: `${name}-key` },
  ...changes,
});
const policy = (spec: object, within = world.trusted, called = name) => ({
  apiVersion: 'weir.dev/v1alpha1',
  kind: 'ApiKeyPolicy',
  metadata: { name: called, namespace: within },
  spec,
});
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [field: string]: unknown;
}

const put = (object: Manifest): Promise<void> => applyIn(object.metadata.namespace, object);
const read = (called = name, within = world.trusted): Promise<ApiKeyPolicy> => get<ApiKeyPolicy>('akp', called, within);
const editTo = (spec: object, called = name): Promise<void> => patch('akp', called, { spec }, world.trusted);
/** Something that means nothing: the policy is looked at. */
const poke = (called = name): Promise<unknown> =>
  kubectl('annotate', 'akp', called, '--namespace', world.trusted, '--overwrite', `test/poke=${systemClock.nowMs()}`);

async function condition(type: string, called = name, within = world.trusted): Promise<Condition | undefined> {
  const object = await read(called, within);
  const found = conditionOf(object, type);
  return found?.observedGeneration === object.metadata.generation ? found : undefined;
}

function whenReason(type: string, reason: string, called = name, within = world.trusted): Promise<Condition> {
  return eventually(async () => {
    const found = await condition(type, called, within);
    if (found?.reason !== reason) throw new Error(`${type} of ${called} is ${JSON.stringify(found)}, not ${reason}`);
    return found;
  }, SOON_MS);
}

const secretOf = (called = `${name}-key`): Promise<Secret | undefined> => find<Secret>('secret', called, world.trusted);
const textIn = (secret: Secret | undefined): string =>
  Buffer.from(secret?.data?.['key'] ?? '', 'base64').toString('utf8');
const putText = (text: string, called = `${name}-key`): Promise<void> =>
  patch('secret', called, { data: { key: Buffer.from(text).toString('base64') } }, world.trusted);
const foreignSecret = (text: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `${name}-key`, namespace: world.trusted },
  stringData: { key: text },
});

/** Texts of all keys that this policy has had, in the order they came. */
const rows = (called = name): Promise<readonly KeyRow[]> =>
  world.postgres.query<KeyRow>(
    `SELECT key.id::text, key.revoked, hash.sha256, (extract(epoch FROM hash.expires_at) * 1000)::float8 AS "endsAtMs"
     FROM api_key AS key JOIN api_key_hash AS hash ON hash.api_key_id = key.id
     WHERE key.policy = $1 ORDER BY hash.created_at`,
    [`${world.trusted}/${called}`],
  );
const rowOf = async (text: string, called = name): Promise<KeyRow | undefined> =>
  (await rows(called)).find(({ sha256 }) => sha256 === hashKeyText(text));
const cached = (text: string): Promise<Record<string, string>> =>
  world.valkey.bulk.hgetall(keyspace.apiKey.key({ sha256: hashKeyText(text) }));
const documentOf = async (called = name, within = world.trusted): Promise<Record<string, unknown> | undefined> => {
  const json = await world.valkey.bulk.call('HGET', keyspace.policies.key(), `${within}/${called}`);
  return typeof json === 'string' ? (JSON.parse(json) as Record<string, unknown>) : undefined;
};

async function whenIssued(called = name): Promise<string> {
  await eventually(async () => expect((await read(called)).status?.keys?.active).toBe(1));
  return textIn(await secretOf(`${called}-key`));
}

async function reasonsOfEvents(called = name): Promise<readonly string[]> {
  const events = await list<KubeObject & { readonly reason: string; readonly regarding: { readonly name: string } }>(
    'events.events.k8s.io',
    '--namespace',
    world.trusted,
  );
  return events.filter(({ regarding }) => regarding.name === called).map(({ reason }) => reason);
}
const whenTold = (reason: string, called = name): Promise<void> =>
  eventually(async () => expect(await reasonsOfEvents(called)).toContain(reason));

describe('a key that is issued', () => {
  it('is in its Secret, owned by the policy, and its hash alone in Postgres and Valkey', async () => {
    await put(policy({ limits: { requestsPerSecond: 5 }, keys: [key()] }));
    await whenReason('Ready', 'AllReady');
    const secret = await secretOf();
    const text = textIn(secret);
    expect(checkKeyText(text)).toBe(true);
    expect(text).toMatch(/^weir_test_/);
    expect(secret?.metadata).toMatchObject({
      labels: { 'app.kubernetes.io/managed-by': 'weir-operator', 'weir.dev/policy': name },
      annotations: { 'weir.dev/key-name': 'acme' },
      ownerReferences: [{ kind: 'ApiKeyPolicy', name, controller: true }],
    });
    expect(await rows()).toMatchObject([{ revoked: false, sha256: hashKeyText(text), endsAtMs: null }]);
    expect(await cached(text)).toMatchObject({ policy: `${world.trusted}/${name}`, revoked: '0' });
    const { status } = await read();
    expect(status).toMatchObject({ keys: { active: 1, expired: 0, invalid: 0 }, observedGeneration: 1 });
    expect(status?.revision).toMatch(/^[0-9a-f]{12}$/);
    await whenTold('KeyIssued');
  });

  it('is left alone by a second look, in every store', async () => {
    await put(policy({ limits: {}, keys: [key(), key({ name: 'beta', secretRef: { name: `${name}-beta` } })] }));
    await whenReason('Ready', 'AllReady');
    const text = textIn(await secretOf());
    await poke();
    await always(async () => undefined, 2_000);
    const state = async (): Promise<unknown> => [
      await operator.writes(),
      await world.valkey.bulk.call('HGET', keyspace.policies.key(), keyspace.documentSeqField.key()),
      await world.postgres.query('SELECT xmin::text, ctid::text FROM api_key ORDER BY id'),
      await world.postgres.query('SELECT xmin::text, ctid::text FROM api_key_hash ORDER BY sha256'),
      await world.postgres.query('SELECT xmin::text, ctid::text FROM project ORDER BY id'),
      (await list('secrets', '--namespace', world.trusted)).map(({ metadata }) => metadata.resourceVersion),
    ];
    const lifeMs = async (): Promise<number> =>
      Number(await world.valkey.bulk.call('PTTL', keyspace.apiKey.key({ sha256: hashKeyText(text) })));
    const [before, lifeBefore] = [await state(), await lifeMs()];
    // Longer than Secrets go without being read.
    for (let turn = 0; turn < 8; turn += 1) {
      await poke();
      await always(async () => undefined, 3_000);
    }
    expect(await state()).toEqual(before);
    expect(await lifeMs()).toBeLessThan(lifeBefore);
  });

  it('gets another text when its Secret is deleted, and the one before is refused', async () => {
    await put(policy({ limits: {}, keys: [key()] }));
    const old = await whenIssued();
    const id = (await rowOf(old))?.id;
    await remove('secret', `${name}-key`, world.trusted);
    const fresh = await eventually(async () => {
      const text = textIn(await secretOf());
      expect((await rowOf(text))?.id).toBe(id);
      return text;
    }, SOON_MS);
    expect(fresh).not.toBe(old);
    expect((await rowOf(old))?.endsAtMs).toBeLessThanOrEqual(systemClock.nowMs());
    await eventually(async () =>
      expect(Date.parse((await cached(old))['expires_at'] ?? '')).toBeLessThanOrEqual(systemClock.nowMs()),
    );
    expect((await cached(fresh))['expires_at']).toBe('');
    await whenTold('KeyReissued');
  });

  it('is the text that somebody put into the Secret, from then on', async () => {
    await put(policy({ limits: {}, keys: [key()] }));
    const old = await whenIssued();
    const mine = createKeyText('test');
    await putText(`${mine}\n`);
    await eventually(async () => expect((await rowOf(mine))?.endsAtMs).toBeNull(), SOON_MS);
    expect((await rowOf(old))?.endsAtMs).toBeLessThanOrEqual(systemClock.nowMs());
    expect((await rowOf(mine))?.id).toBe((await rowOf(old))?.id);
    await whenTold('KeyTaken');
  });

  it('is withdrawn when the policy does not ask for it any more, and is the same key when it does again', async () => {
    await put(policy({ limits: {}, keys: [key()] }));
    const text = await whenIssued();
    const id = (await rowOf(text))?.id;
    await editTo({ keys: [] });
    await eventually(async () => expect(await rowOf(text)).toMatchObject({ id, revoked: true }));
    await eventually(async () => expect((await cached(text))['revoked']).toBe('1'));
    await whenTold('KeyWithdrawn');
    await editTo({ keys: [key()] });
    await eventually(async () => expect(await rowOf(text)).toMatchObject({ id, revoked: false }));
    expect(textIn(await secretOf())).toBe(text);
  });

  it('is expired from its end on', async () => {
    await put(policy({ limits: {}, keys: [key({ expiresAt: new Date(systemClock.nowMs() + 4_000).toISOString() })] }));
    const text = await whenIssued();
    await eventually(
      async () => expect((await read()).status?.keys).toEqual({ active: 0, expired: 1, invalid: 0 }),
      SOON_MS,
    );
    expect(Date.parse((await cached(text))['expires_at'] ?? '')).toBeLessThanOrEqual(systemClock.nowMs());
  });
});

describe('a key that is taken from a Secret', () => {
  it('keeps its text and its Secret, which is never written, and is never rotated', async () => {
    const text = createKeyText('live');
    await put(foreignSecret(`${text}\n`));
    const before = await secretOf();
    await put(policy({ limits: {}, keys: [key({ rotate: { every: '1h', overlap: '10m' } })] }));
    const refs = await whenReason('ResolvedRefs', 'ResolvedRefs');
    expect(refs.message).toContain('acme is not rotated');
    expect(await rows()).toMatchObject([{ sha256: hashKeyText(text), endsAtMs: null }]);
    expect((await secretOf())?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
  });

  it('is invalid when its text is none, and others go on', async () => {
    await put(foreignSecret('weir_live_oops'));
    await put(policy({ limits: {}, keys: [key(), key({ name: 'good', secretRef: { name: `${name}-good` } })] }));
    const refs = await whenReason('ResolvedRefs', 'SecretInvalid');
    expect(refs.message).toContain(`Key acme: Secret ${name}-key`);
    expect((await read()).status?.keys).toEqual({ active: 1, expired: 0, invalid: 1 });
    await putText(createKeyText('test'));
    await whenReason('ResolvedRefs', 'ResolvedRefs');
    expect((await read()).status?.keys?.active).toBe(2);
  });

  it('is the key of one policy alone, and nothing flips', async () => {
    const text = createKeyText('test');
    await put(foreignSecret(text));
    await put(policy({ limits: {}, keys: [key()] }));
    await whenReason('ResolvedRefs', 'ResolvedRefs');
    const second = `${name}-second`;
    await put(policy({ limits: {}, keys: [key()] }, world.trusted, second));
    const refs = await whenReason('ResolvedRefs', 'KeyConflicted', second);
    expect(refs.message).toContain(`${world.trusted}/${name} acme`);
    expect((await read(second)).status?.keys).toEqual({ active: 0, expired: 0, invalid: 1 });
    await poke();
    await poke(second);
    await always(async () => expect((await cached(text))['policy']).toBe(`${world.trusted}/${name}`), 3_000);
    await remove('akp', name, world.trusted);
    await whenReason('ResolvedRefs', 'ResolvedRefs', second);
    expect((await cached(text))['policy']).toBe(`${world.trusted}/${second}`);
  });
});

describe('rotation', () => {
  it('puts another text into the Secret; the one before works until the overlap is over', async () => {
    await put(policy({ limits: {}, keys: [key({ rotate: { every: '2h', overlap: '30m' } })] }));
    const old = await whenIssued();
    const id = (await rowOf(old))?.id;
    world.setForward(2 * HOUR_MS + 1_000);
    await poke();
    const fresh = await eventually(async () => {
      const text = textIn(await secretOf());
      expect(await rowOf(text)).toMatchObject({ id, endsAtMs: null });
      expect(text).not.toBe(old);
      return text;
    }, SOON_MS);
    const issuedAtMs = Date.parse((await secretOf())?.metadata.annotations?.['weir.dev/issued-at'] ?? '');
    expect((await rowOf(old))?.endsAtMs).toBe(issuedAtMs + HOUR_MS / 2);
    expect(Date.parse((await cached(old))['expires_at'] ?? '')).toBe(issuedAtMs + HOUR_MS / 2);
    expect((await cached(fresh))['id']).toBe(id);
    await whenTold('KeyRotated');
    await poke();
    await always(async () => expect(textIn(await secretOf())).toBe(fresh), 2_000);
  });

  it('that broke off between Secret and Postgres is finished by the next operator, with its overlap', async () => {
    await put(policy({ limits: {}, keys: [key({ rotate: { every: '2h', overlap: '1h' } })] }));
    const old = await whenIssued();
    await operator.stop();
    const resource = await get<Policy & KubeObject>('akp', name, world.trusted);
    const [entry] = resource.spec.keys;
    const secret = await get<PolicySecret & KubeObject>('secret', `${name}-key`, world.trusted);
    if (entry === undefined) throw new Error('the policy has no key');
    expect(readKeySecret(secret, resource)).toMatchObject({ origin: 'own', sha256: hashKeyText(old) });
    const previousUntilMs = Math.floor(systemClock.nowMs() / 1_000) * 1_000 + 9 * HOUR_MS;
    const text = createKeyText('test');
    const written = { text, nowMs: systemClock.nowMs() + 3 * HOUR_MS, previousUntilMs };
    const { data, metadata } = rotatedKeySecret(secret, entry, written);
    await patch('secret', `${name}-key`, { data, metadata: { annotations: metadata.annotations } }, world.trusted);
    operator = await world.startOperator();
    await eventually(async () => expect((await rowOf(text))?.endsAtMs).toBeNull(), SOON_MS);
    expect((await rowOf(old))?.endsAtMs).toBe(previousUntilMs);
  });

  it('does not give an overlap to what was replaced by hand', async () => {
    await put(policy({ limits: {}, keys: [key({ rotate: { every: '2h', overlap: '1h' } })] }));
    const old = await whenIssued();
    await operator.stop();
    const mine = createKeyText('test');
    await putText(mine);
    world.setForward(3 * HOUR_MS);
    operator = await world.startOperator();
    await eventually(async () => expect(textIn(await secretOf())).not.toBe(mine), SOON_MS);
    await eventually(async () => expect((await rowOf(mine))?.endsAtMs).toBeGreaterThan(systemClock.nowMs()));
    expect((await rowOf(old))?.endsAtMs).toBeLessThanOrEqual(systemClock.nowMs());
  });
});

describe('a tier', () => {
  it('is bound from trusted namespaces alone', async () => {
    await put(policy({ tier: `${name}-tier`, limits: {} }, world.other));
    const accepted = await whenReason('Accepted', 'NotAllowed', name, world.other);
    expect(accepted).toMatchObject({ status: 'False' });
    expect(accepted.message).toContain(world.trusted);
    expect(conditionOf(await read(name, world.other), 'Enforced')).toBeUndefined();
    expect(conditionOf(await read(name, world.other), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'NotAllowed',
    });
    expect(await documentOf(name, world.other)).not.toHaveProperty('tier');
    await patch('akp', name, { spec: { tier: null } }, world.other);
    await whenReason('Ready', 'AllReady', name, world.other);
  });

  it('belongs to the oldest policy; the next one gets it when that goes', async () => {
    const [older, younger] = [`${name}-z`, `${name}-a`];
    const tier = `${name}-tier`;
    await put(policy({ tier, limits: {} }, world.trusted, older));
    await whenReason('Ready', 'AllReady', older);
    await always(async () => undefined, 1_100);
    await put(policy({ tier, limits: {} }, world.trusted, younger));
    const lost = await whenReason('Accepted', 'Conflicted', younger);
    expect(lost.message).toContain(`${world.trusted}/${older}`);
    expect(conditionOf(await read(younger), 'Enforced')).toBeUndefined();
    expect([await documentOf(older), await documentOf(younger)].map((each) => each?.['tier'])).toEqual([
      tier,
      undefined,
    ]);
    await whenReason('Accepted', 'Accepted', older);
    await remove('akp', older, world.trusted);
    await whenReason('Ready', 'AllReady', younger);
    expect(await documentOf(younger)).toMatchObject({ tier });
  });
});

describe('Enforced', () => {
  it('waits for every ready decider, says so after 10 s, and does not wait for one that is not ready', async () => {
    const second = await world.startDecider();
    await second.setReady(true);
    await put(policy({ limits: { requestsPerSecond: 5 } }));
    await whenReason('Enforced', 'Enforced');
    second.pause(true);
    await editTo({ limits: { requestsPerSecond: 6 } });
    const progressing = await whenReason('Enforced', 'Progressing');
    expect(progressing).toMatchObject({ status: 'False' });
    expect(progressing.message).toContain(second.pod);
    expect(await condition('Ready')).toMatchObject({ status: 'False', reason: 'Progressing' });
    await whenReason('Enforced', 'OutOfSync');
    const writes = await operator.writes();
    await always(async () => expect(await condition('Enforced')).toMatchObject({ reason: 'OutOfSync' }), 3_000);
    expect(await operator.writes()).toBe(writes);
    await second.setReady(false);
    await whenReason('Enforced', 'Enforced');
    second.pause(false);
    await second.setReady(true);
    await always(async () => expect(await condition('Enforced')).toMatchObject({ status: 'True' }), 3_000);
    await second.stop();
  });

  it('is False as long as nobody decides', async () => {
    await put(policy({ limits: {} }));
    await whenReason('Enforced', 'Enforced');
    await decider.setReady(false);
    expect(await whenReason('Enforced', 'NoDeciders')).toMatchObject({ status: 'False' });
    await decider.setReady(true);
    await whenReason('Enforced', 'Enforced');
  });

  it('says of a dry run and of a suspended policy what they are', async () => {
    await put(policy({ mode: 'DryRun', limits: {} }));
    expect(await whenReason('Enforced', 'DryRun')).toMatchObject({ status: 'True' });
    await editTo({ mode: 'Enforce', suspend: true });
    expect(await whenReason('Enforced', 'Suspended')).toMatchObject({ status: 'True' });
    const metrics = await operator.scrape();
    expect(metrics).toMatch(/weir_operator_policies\{[^}]*mode="DryRun"[^}]*\} 0/);
  });

  it('is Unknown while Valkey is away, and nothing else is lost', async () => {
    await put(policy({ limits: {}, keys: [key()] }));
    await whenIssued();
    world.cutValkey(true);
    await editTo({ limits: { requestsPerSecond: 3 } });
    expect(await whenReason('Enforced', 'ValkeyUnreachable')).toMatchObject({ status: 'Unknown' });
    world.cutValkey(false);
    await whenReason('Ready', 'AllReady');
    expect(await documentOf()).toMatchObject({ limits: { requestsPerSecond: 3 } });
  });

  it('holds again after Valkey has lost everything', async () => {
    await put(policy({ limits: { requestsPerSecond: 7 } }));
    await whenReason('Ready', 'AllReady');
    await world.valkey.bulk.call('FLUSHALL');
    await eventually(async () => expect(await documentOf()).toMatchObject({ limits: { requestsPerSecond: 7 } }));
    await whenReason('Ready', 'AllReady');
  });
});

describe('what a policy refers to', () => {
  it('is a feed of its namespace', async () => {
    const feed = `${name}-feed`;
    await put(policy({ limits: {}, feedRefs: [{ name: feed }] }));
    expect((await whenReason('ResolvedRefs', 'FeedNotFound')).message).toContain(feed);
    const sources = [{ name: 'coinbase', exchange: 'coinbase' }];
    const metadata = { name: feed, namespace: world.trusted };
    await put({ apiVersion: 'weir.dev/v1alpha1', kind: 'PriceFeed', metadata, spec: { assets: ['BTC'], sources } });
    await whenReason('Ready', 'AllReady');
    await remove('pf', feed, world.trusted);
    await whenReason('ResolvedRefs', 'FeedNotFound');
  });

  it('is Postgres: without it keys wait, and the policy is in force all the same', async () => {
    world.cutPostgres(true);
    await put(policy({ limits: { requestsPerSecond: 9 }, keys: [key()] }));
    await whenReason('ResolvedRefs', 'PostgresUnavailable');
    await whenReason('Enforced', 'Enforced');
    expect(await secretOf()).toBeUndefined();
    expect(await condition('Ready')).toMatchObject({ status: 'False', reason: 'PostgresUnavailable' });
    world.cutPostgres(false);
    await whenReason('Ready', 'AllReady');
    await whenIssued();
  });
});

describe('a policy that is deleted', () => {
  it('takes its document, its keys and its Secrets along', async () => {
    await put(policy({ limits: {}, keys: [key()] }));
    const text = await whenIssued();
    await remove('akp', name, world.trusted);
    expect(await documentOf()).toBeUndefined();
    expect(await rowOf(text)).toMatchObject({ revoked: true });
    expect((await cached(text))['revoked']).toBe('1');
    await eventually(async () => expect(await secretOf()).toBeUndefined());
  });

  it('goes too when somebody else owns the finalizer, as after a restored backup', async () => {
    const { metadata, ...exported } = policy({ limits: {}, keys: [key()] });
    const manifest = { ...exported, metadata: { ...metadata, finalizers: ['weir.dev/cleanup'] } };
    const created = await tryKubectl(
      ['create', '--namespace', world.trusted, '--filename', '-'],
      JSON.stringify(manifest),
    );
    expect(created).toMatchObject({ status: 0 });
    const text = await whenIssued();
    await kubectl('delete', 'akp', name, '--namespace', world.trusted, '--wait=false');
    await eventually(async () => expect(await find('akp', name, world.trusted)).toBeUndefined());
    expect(await documentOf()).toBeUndefined();
    expect(await rowOf(text)).toMatchObject({ revoked: true });
  });

  it('and made again right away has a key that works', async () => {
    const spec = { limits: {}, keys: [key()] };
    await put(policy(spec));
    const old = await whenIssued();
    await remove('akp', name, world.trusted);
    await put(policy(spec));
    await eventually(async () => {
      const text = textIn(await secretOf());
      expect(text).not.toBe(old);
      expect(await rowOf(text)).toMatchObject({ revoked: false, endsAtMs: null });
    }, SOON_MS);
    await whenReason('Ready', 'AllReady');
  });

  it('while the operator is away waits for it', async () => {
    await put(policy({ limits: {}, keys: [key()] }));
    const text = await whenIssued();
    await operator.stop();
    await kubectl('delete', 'akp', name, '--namespace', world.trusted, '--wait=false');
    expect((await read()).metadata.deletionTimestamp).toBeDefined();
    operator = await world.startOperator();
    await eventually(async () => expect(await find('akp', name, world.trusted)).toBeUndefined());
    expect(await rowOf(text)).toMatchObject({ revoked: true });
  });

  it('by force, while the operator is away, leaves nothing that works', async () => {
    await put(policy({ limits: {}, keys: [key()] }));
    const text = await whenIssued();
    await operator.stop();
    await patch('akp', name, { metadata: { finalizers: null } }, world.trusted);
    await remove('akp', name, world.trusted);
    operator = await world.startOperator();
    await eventually(async () => expect(await rowOf(text)).toMatchObject({ revoked: true }), SOON_MS);
    await eventually(async () => expect((await cached(text))['revoked']).toBe('1'));
    expect(await documentOf()).toBeUndefined();
  });

  it('is let go when Postgres stays away, and its keys are withdrawn once it is back', async () => {
    await put(policy({ limits: {}, keys: [key()] }));
    const text = await whenIssued();
    world.cutPostgres(true);
    await kubectl('delete', 'akp', name, '--namespace', world.trusted, '--wait=false');
    await eventually(async () =>
      expect(conditionOf(await read(), 'Ready')).toMatchObject({ reason: 'CleanupPending' }),
    );
    expect(await documentOf()).toBeUndefined();
    world.setForward(130_000);
    await eventually(async () => expect(await find('akp', name, world.trusted)).toBeUndefined());
    await whenTold('CleanupGivenUp');
    expect(await rowOf(text)).toMatchObject({ revoked: false });
    world.cutPostgres(false);
    await eventually(async () => expect(await rowOf(text)).toMatchObject({ revoked: true }), SOON_MS);
  });
});
