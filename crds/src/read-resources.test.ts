import { describe, expect, it } from 'vitest';
import { isWeirError } from '@weir/errors';
import { ResourceError, createResourceReader, formatResourceFault, readResources } from './index.ts';

const reader = createResourceReader();
const feed = (spec: string, meta = '{ name: majors }'): string =>
  `apiVersion: weir.dev/v1alpha1\nkind: PriceFeed\nmetadata: ${meta}\nspec: ${spec}\n`;
const good = '{ assets: [BTC], sources: [{ name: kraken, exchange: kraken }] }';
const messages = (text: string): string[] => reader.read(text, 'f.yaml').faults.map(formatResourceFault);

describe('reading resources', () => {
  it('fills in every default, the namespace too', () => {
    const [resource] = readResources(feed(good), 'f.yaml');
    expect(resource).toMatchObject({
      metadata: { namespace: 'default' },
      spec: { replicas: 2, publish: { interval: '50ms' } },
      status: { observedGeneration: -1 },
    });
  });

  it('passes over empty documents and comments', () => {
    expect(readResources(`# nothing\n---\n${feed(good)}---\n`, 'f.yaml')).toHaveLength(1);
    expect(readResources('', 'f.yaml')).toEqual([]);
  });

  it('names every fault of every document at once, in order of lines', () => {
    const text = `${feed('{ assets: [], sources: 5 }')}---\nkind: Secret\n---\n- a\n`;
    expect(messages(text)).toEqual([
      'f.yaml:4 spec.assets has too few items. Fix: list at least 1.',
      'f.yaml:4 spec.sources is the number 5, and must be a list. Fix: write a list, like [a, b].',
      'f.yaml:6 kind is "Secret", which is not one of PriceFeed, ApiKeyPolicy. Fix: write PriceFeed or ApiKeyPolicy.',
      'f.yaml:8 is not a resource. Fix: write apiVersion, kind, metadata and spec.',
    ]);
  });

  it('throws one error that carries them all', () => {
    try {
      readResources(feed('{}'), 'f.yaml');
      expect.unreachable();
    } catch (error) {
      expect(isWeirError(error, 'RESOURCE_INVALID')).toBe(true);
      expect(error instanceof ResourceError && error.faults.map(({ path }) => path)).toEqual([
        'spec.assets',
        'spec.sources',
      ]);
      expect(error instanceof Error && error.message).toContain('\n  f.yaml:4 spec.assets is missing. Fix: add it.');
    }
  });

  it.each([
    ['a: [', 1],
    ['a: 1\na: 2', 2],
    ['a: 1\n\tb: 2', 2],
  ])('names the line of YAML that cannot be read: %j', (text, line) => {
    expect(messages(text)[0]).toMatch(new RegExp(`^f\\.yaml:${line} is not YAML: `));
  });

  it('reads YAML as kubectl does: NO is a truth value, a time is a text', () => {
    expect(messages(feed('{ assets: [NO], sources: [{ name: kraken, exchange: kraken }] }'))[0]).toContain(
      'truth value',
    );
    const policy = 'apiVersion: weir.dev/v1alpha1\nkind: ApiKeyPolicy\nmetadata: { name: p }\nspec:\n  keys:\n';
    expect(
      messages(`${policy}  - { name: k, project: p, secretRef: { name: s }, expiresAt: 2027-01-01T00:00:00Z }`),
    ).toEqual([]);
  });

  it('takes a file exported from a cluster: what the server owns is passed over', () => {
    const meta =
      '{ name: majors, uid: x, resourceVersion: "1", generation: 4, creationTimestamp: 2026-01-01T00:00:00Z }';
    const text = `${feed(good, meta)}status: { observedGeneration: 4, replicas: 2 }\n`;
    expect(readResources(text, 'f.yaml')).toMatchObject([{ status: { observedGeneration: -1 } }]);
  });

  it.each([
    ['minSources: 3', 'spec.minSources is not a field. Fix: write it under spec.aggregation.'],
    ['heartbeat: 1s', 'spec.heartbeat is not a field. Fix: write it under spec.publish.'],
    ['assts: [BTC]', 'spec.assts is not a field. Fix: write assets.'],
  ])('tells where %s belongs', (field, expected) => {
    expect(messages(feed(good.replace('assets: [BTC]', `assets: [BTC], ${field}`))).join('\n')).toContain(expected);
  });

  it.each([
    ['{ nme: x }', 'metadata.name is missing'],
    ['{ name: x, nmespace: y }', 'metadata.nmespace is not a field. Fix: write namespace'],
    ['{ name: Bad_Name }', 'metadata.name is "Bad_Name"'],
    ['{ name: x, labels: { a: 1 } }', 'metadata.labels.a is the number 1, and must be a text'],
  ])('judges metadata %s', (meta, expected) => {
    expect(messages(feed(good, meta)).join('\n')).toContain(expected);
  });

  it('has a line for a field deep in a list', () => {
    const spec =
      '\n  assets: [BTC]\n  sources:\n  - name: kraken\n    exchange: kraken\n  - name: two\n    exchange: nope';
    expect(reader.read(feed(spec), 'f.yaml').faults).toMatchObject([{ line: 10, path: 'spec.sources[1].exchange' }]);
  });

  it('does not blame a rule for a value that is wrong already', () => {
    const found = messages(
      feed('{ assets: [BTC], sources: [{ name: kraken, exchange: kraken, prewarm: { interval: 5x } }] }'),
    );
    expect(found).toEqual([
      'f.yaml:4 spec.sources[0].prewarm.interval is "5x", which is not of the expected form. Fix: write it like 30s.',
    ]);
  });
});
