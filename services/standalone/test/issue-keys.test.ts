import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compileApiKeyPolicy, readResources } from '@weir/crds';
import { systemClock } from '@weir/clock';
import { keyMigrations } from '@weir/keys';
import { createPostgres, migrate } from '@weir/postgres';
import { createTestTelemetry, silentLogger, startTestPostgres, startTestValkey } from '@weir/testing';
import { createValkey, parseValkeyUrl } from '@weir/valkey';
import type { PolicyDocument } from '@weir/wire';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDataFolder, type DataFolder } from '../src/data-folder.ts';
import { issueKeys, prepareKeys } from '../src/issue-keys.ts';

const parts = { clock: systemClock, logger: silentLogger, telemetry: createTestTelemetry() };
const root = mkdtempSync(path.join(tmpdir(), 'weir-keys-'));
const stops: (() => Promise<void>)[] = [];
let folder: DataFolder;
let issue: (policies: readonly PolicyDocument[]) => Promise<void>;

beforeAll(async () => {
  const [server, database] = await Promise.all([startTestValkey(), startTestPostgres()]);
  const valkey = createValkey({ ...parts, target: parseValkeyUrl(server.url), clientName: 'test' });
  const postgres = createPostgres({ ...parts, url: database.url });
  stops.push(
    () => valkey.close(),
    () => postgres.close(),
    () => server.stop(),
    () => database.stop(),
  );
  await Promise.all([valkey.ready(), migrate(postgres, keyMigrations, silentLogger)]);
  folder = await openDataFolder(root);
  issue = async (policies) => issueKeys(postgres, valkey.bulk, await prepareKeys(policies, folder, 'test'));
}, 60_000);

afterAll(async () => {
  for (const stop of stops) await stop();
  rmSync(root, { recursive: true });
});

const policies = (project: string, name = 'pro'): readonly PolicyDocument[] =>
  readResources(
    `apiVersion: weir.dev/v1alpha1\nkind: ApiKeyPolicy\nmetadata: { name: ${name} }\nspec:\n  keys:\n` +
      `    - { name: acme, project: ${project}, secretRef: { name: acme-key } }\n`,
    'pro.yaml',
  ).flatMap((resource) => (resource.kind === 'ApiKeyPolicy' ? [compileApiKeyPolicy(resource)] : []));

it('says of a key that another policy has, for another project, which file holds it and what to do', async () => {
  await issue(policies('acme'));
  await issue(policies('acme', 'gold'));
  const file = folder.secretFile('default', 'acme-key');
  await expect(issue(policies('other'))).rejects.toThrow(
    `The key in ${file} belongs to another project than "other", which default/pro names for key acme. ` +
      'Put the project back, or delete the file to get a new key.',
  );
  rmSync(file);
  await issue(policies('other'));
});

it('lets the project of a key follow its policy', async () => {
  rmSync(folder.secretFile('default', 'acme-key'));
  await issue(policies('acme', 'free'));
  await issue(policies('other', 'free'));
});
