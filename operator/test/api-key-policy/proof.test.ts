/** Proof of enforcement and the sweep for orphans, against a real Valkey and a real Postgres. */
import { systemClock } from '@weir/clock';
import { WeirError } from '@weir/errors';
import { createKeyText, hashKeyText, keyMigrations, settlePolicyKeys } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createPostgres, migrate, type Postgres } from '@weir/postgres';
import {
  createFakeClock,
  createTestTelemetry,
  silentLogger,
  startTestPostgres,
  startTestValkey,
  waitFor,
} from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { encodeClusterStats, CLUSTER_COUNTERS, type ClusterCounters } from '@weir/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProofWaiter } from '../../src/api-key-policy/await-proof.ts';
import { Deciders } from '../../src/api-key-policy/deciders.ts';
import { createOrphanSweep } from '../../src/api-key-policy/orphan-sweep.ts';
import type { Pod } from '../../src/api-key-policy/policy.ts';
import { cacheOf, samplePolicy } from './sample-policy.ts';

const parts = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
const stops: (() => Promise<void>)[] = [];
let valkey: Valkey;
let postgres: Postgres;

beforeAll(async () => {
  const [server, database] = await Promise.all([startTestValkey(), startTestPostgres()]);
  valkey = createValkey({ ...parts, target: parseValkeyUrl(server.url), clientName: 'test' });
  postgres = createPostgres({ ...parts, url: database.url });
  stops.push(
    () => valkey.close(),
    () => postgres.close(),
    () => server.stop(),
    () => database.stop(),
  );
  await Promise.all([valkey.ready(), migrate(postgres, keyMigrations, silentLogger)]);
}, 60_000);

afterAll(async () => {
  for (const stop of stops) await stop();
});

const pod = (name: string, ready = 'True', metadata: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'weir', ...metadata },
  status: { conditions: [{ type: 'Ready', status: ready }] },
});

async function report(node: string, seq?: number): Promise<void> {
  // `fromEntries` forgets the names that it was just given.
  const counters = Object.fromEntries(CLUSTER_COUNTERS.map((name) => [name, 0])) as ClusterCounters;
  const stats = { node, role: 'price', start_id: 'x', uptime_seconds: 1, total_rps: 0, ...counters };
  const json = encodeClusterStats(seq === undefined ? stats : { ...stats, applied_policies_seq: seq });
  await valkey.bulk.call('SET', keyspace.clusterStats.key({ node }), json);
}

test('asks every ready decider, and no other', async () => {
  await report('a', 5);
  await report('b');
  await report('unready', 9);
  await report('going', 9);
  const pods = cacheOf(
    pod('a'),
    pod('b'),
    pod('silent'),
    pod('unready', 'False'),
    pod('going', 'True', { deletionTimestamp: 'x' }),
  );
  const clock = createFakeClock();
  const deciders = new Deciders({ pods, client: valkey.bulk, clock });
  const expected = new Map([
    ['a', 5],
    ['b', undefined],
    ['silent', undefined],
  ]);
  expect(await deciders.appliedSeqs()).toEqual(expected);
  // Whoever asks at the same moment is told the same; a moment later it is read again.
  await report('a', 6);
  expect(await deciders.appliedSeqs()).toEqual(expected);
  await clock.advance(200);
  expect((await deciders.appliedSeqs()).get('a')).toBe(6);
});

test('counts the time from when a revision was first waited for, and anew for another one', async () => {
  await report('slow', 1);
  const clock = createFakeClock();
  const proofs = createProofWaiter(new Deciders({ pods: cacheOf(pod('slow')), client: valkey.bulk, clock }), clock);
  const policy = samplePolicy();
  const waited = async (revision: string, seq: number): Promise<number | undefined> => {
    const proof = await proofs.proofOf('weir/pro', policy, revision, () => Promise.resolve(seq));
    return proof.kind === 'known' ? proof.waitedMs : undefined;
  };
  expect(await waited('r1', 2)).toBe(0);
  await clock.advance(4_000);
  expect(await waited('r1', 2)).toBe(4_000);
  expect(await waited('r2', 3)).toBe(0);
  await clock.advance(1_000);
  expect(await waited('r2', 3)).toBe(1_000);
  await report('slow', 3);
  await clock.advance(1_000);
  expect(await waited('r2', 3)).toBe(0);
});

test('knows what was said of this very revision and generation', async () => {
  await report('a', 5);
  const deciders = new Deciders({ pods: cacheOf(pod('a')), client: valkey.bulk, clock: systemClock });
  const proofs = createProofWaiter(deciders, systemClock);
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const enforced = {
    type: 'Enforced',
    status: 'True',
    reason: 'Enforced',
    message: '',
    observedGeneration: 1,
    lastTransitionTime,
  } as const;
  const policy = { ...samplePolicy(), status: { revision: 'r1', conditions: [enforced] } };
  const seenOf = async (revision: string, generation: number): Promise<unknown> => {
    const object = { ...policy, metadata: { ...policy.metadata, generation } };
    return proofs.proofOf('weir/pro', object, revision, () => Promise.resolve(9));
  };
  expect(await seenOf('r1', 1)).toMatchObject({ wasInForce: true });
  expect(await seenOf('r2', 1)).toMatchObject({ wasInForce: false });
  expect(await seenOf('r1', 2)).toMatchObject({ wasInForce: false });
});

test('what is wrong with Valkey is no proof either way, and every other fault goes on', async () => {
  const deciders = new Deciders({ pods: cacheOf(), client: valkey.bulk, clock: systemClock });
  const proofs = createProofWaiter(deciders, systemClock);
  const failing = (fault: Error) => proofs.proofOf('weir/pro', samplePolicy(), 'r', () => Promise.reject(fault));
  expect(await failing(new WeirError('VALKEY_TIMEOUT'))).toMatchObject({
    kind: 'unknown',
    reason: 'ValkeyUnreachable',
  });
  expect(await failing(new WeirError('VALKEY_REFUSED'))).toMatchObject({ kind: 'unknown', reason: 'ValkeyRefused' });
  await expect(failing(new Error('fenced'))).rejects.toThrow('fenced');
});

test('the sweep finds policies that are gone, in the namespaces that are watched, and those it cleaned only once', async () => {
  const options = { postgres, client: valkey.bulk, beforeWrite: () => undefined };
  const issue = (policy: string): Promise<unknown> => {
    const sha256 = hashKeyText(createKeyText('test'));
    const entry = { name: 'acme', project: 'acme', tier: 'pro', sha256 };
    return settlePolicyKeys(options, { policy, names: ['acme'], entries: [entry] });
  };
  for (const policy of ['weir/pro', 'weir/gone', 'elsewhere/gone', 'weir/cleaned']) await issue(policy);
  await settlePolicyKeys(options, { policy: 'weir/cleaned', names: [], entries: [] });
  const clock = createFakeClock();
  const fence = { isLeader: false, check: () => undefined };
  const policies = cacheOf(samplePolicy());
  const { source, markClean } = createOrphanSweep({
    ...parts,
    policies,
    postgres,
    clock,
    fence,
    watchNamespaces: ['weir'],
  });
  let found: string[] = [];
  const end = source.subscribe((key) => void found.push(key));
  const sweep = async (): Promise<readonly string[]> => {
    found = [];
    await clock.advance(15_000);
    return waitFor(() => found.length > 0 && found.toSorted());
  };
  await clock.advance(15_000);
  expect(found).toEqual([]);
  fence.isLeader = true;
  expect(await sweep()).toEqual(['weir/cleaned', 'weir/gone']);
  markClean('weir/cleaned');
  // Keys that are active are an orphan's, whatever was cleaned before.
  markClean('weir/gone');
  expect(await sweep()).toEqual(['weir/gone']);
  end();
  expect(clock.pendingTimers).toBe(0);
});
