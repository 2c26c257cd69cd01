/** The bill of materials says what is in the bundles: all of it, and nothing else. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from '../bundle.ts';
import { packageOf, packagesIn, readBom, selectComponents, versionsOf, type Bom } from '../describe-bundles.ts';

const root = path.resolve(import.meta.dirname, '../..');
const workspaces = ['services/lib/clock', 'test-e2e/exchanges'];
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-bom-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('packageOf', () => {
  it.each([
    ['node_modules/fastify/lib/reply.js', 'node_modules/fastify'],
    ['node_modules/@fastify/error/index.js', 'node_modules/@fastify/error'],
    ['node_modules/ajv/node_modules/fast-uri/index.js', 'node_modules/ajv/node_modules/fast-uri'],
    ['services/lib/clock/system-clock.ts', 'services/lib/clock'],
    ['services/lib/clockwork/a.ts', undefined],
    ['rolldown:runtime', undefined],
  ])('%s belongs to %s', (source, expected) => {
    expect(packageOf(source, workspaces)).toBe(expected);
  });
});

describe('the bill of a bundle', () => {
  it('names what is inside with versions, and leaves out what only builds it', async () => {
    const bundle = await bundleProgram(root, { name: 'exchanges', entry: 'test-e2e/exchanges/main.ts' }, folder);
    const packages = versionsOf(root, packagesIn(root, [`${bundle}.map`], workspaces));
    const bom = selectComponents(readBom(root), packages, 'weir');
    const names = bom.components.map(({ name }) => name);
    expect(names.toSorted()).toEqual(packages.map(({ name }) => name).toSorted());
    expect(names).toEqual(expect.arrayContaining(['@weir/exchanges', 'ws']));
    expect(names).not.toContain('rolldown');
    for (const component of bom.components) expect(component['purl'], component.name).toMatch(/^pkg:npm\/.+@.+/);
    const references = new Set([bom.metadata.component['bom-ref'], ...bom.components.map((each) => each['bom-ref'])]);
    for (const { ref, dependsOn = [] } of bom.dependencies)
      expect([ref, ...dependsOn].filter((each) => !references.has(each))).toEqual([]);
  }, 60_000);

  const bom: Bom = {
    serialNumber: 'urn:uuid:1',
    metadata: { timestamp: '2026-01-01', component: { 'bom-ref': 'weir@1.0.0', name: 'folder' } },
    components: [
      { 'bom-ref': '@weir/price@1.0.0', name: 'price' },
      { 'bom-ref': 'ws@8.0.0', name: 'ws' },
    ],
    dependencies: [{ ref: '@weir/price@1.0.0', dependsOn: ['ws@8.0.0'] }],
  };

  it('is the same for the same bundles', () => {
    const chosen = selectComponents(bom, [{ name: '@weir/price', version: '1.0.0' }], 'weir');
    expect(chosen).toEqual({
      metadata: { component: { 'bom-ref': 'weir@1.0.0', name: 'weir', type: 'application' } },
      components: [{ 'bom-ref': '@weir/price@1.0.0', name: '@weir/price' }],
      dependencies: [
        { ref: 'weir@1.0.0', dependsOn: ['@weir/price@1.0.0'] },
        { ref: '@weir/price@1.0.0', dependsOn: [] },
      ],
    });
  });

  it('fails when it would leave something out', () => {
    expect(() => selectComponents(bom, [{ name: 'ws', version: '9.0.0' }], 'weir')).toThrow('ws@9.0.0');
  });
});
