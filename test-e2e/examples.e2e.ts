/** Every example is taken and comes into force; every invalid one is refused, with the field and what to write there. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { repository } from './harness/cluster.ts';
import { eventually } from './harness/eventually.ts';
import { conditionOf, get, kubectl, remove, tryKubectl, type WithConditions } from './harness/kubectl.ts';
import { whenTrue } from './harness/resources.ts';

const folder = path.join(repository, 'crds/examples');
const filesIn = (name: string): string[] =>
  readdirSync(path.join(folder, name)).filter((file) => file.endsWith('.yaml'));
const textOf = (file: string): string => readFileSync(path.join(folder, 'invalid', file), 'utf8');
const said = (file: string, by: string): string[] =>
  [...textOf(file).matchAll(new RegExp(`^# ${by}: (.*)$`, 'gm'))].map((match) => match[1] ?? '');

describe('the examples', () => {
  it.each(filesIn(''))('%s is applied and becomes ready', async (file) => {
    const applied = await kubectl('apply', '--server-side', '--filename', path.join(folder, file), '--output', 'name');
    const names = applied.trim().split('\n');
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const [kind = '', object = ''] = name.split('/');
      await whenTrue(kind.startsWith('pricefeed') ? 'pf' : 'akp', { name: object });
    }
  });
});

/** What is wrong with these the API server cannot know, for what a rule may cost in a cluster. */
const isForOperator = (file: string): boolean => said(file, 'kubectl').length === 0;

describe('the invalid examples', () => {
  it.each(filesIn('invalid').filter((file) => !isForOperator(file)))(
    '%s is refused by the API server',
    async (file) => {
      const { status, stderr } = await tryKubectl([
        'apply',
        '--dry-run=server',
        // Where no object of that name is, which it would be taken for a change of.
        '--namespace=default',
        '--filename',
        path.join(folder, 'invalid', file),
      ]);
      expect(status).toBe(1);
      for (const sentence of said(file, 'kubectl')) expect(stderr).toContain(sentence);
    },
  );
});

describe('what only the operator can judge', () => {
  const name = 'e2e-symbols';

  afterAll(() => remove('pf', name));

  it('is left to it for one example alone', () => {
    expect(filesIn('invalid').filter(isForOperator)).toEqual(['symbols.yaml']);
  });

  it('symbols.yaml stalls, with the messages that it names', async () => {
    const renamed = textOf('symbols.yaml').replace('name: majors', `name: ${name}`);
    expect((await tryKubectl(['apply', '--filename', '-'], renamed)).status).toBe(0);
    await eventually(async () => {
      const feed = await get<WithConditions>('pf', name);
      const stalled = conditionOf(feed, 'Stalled');
      expect(stalled?.status).toBe('True');
      for (const sentence of said('symbols.yaml', 'expected')) {
        expect(stalled?.message).toContain(sentence.replace('. Fix: ', '; ').replace(/\.$/, ''));
      }
      expect(conditionOf(feed, 'Ready')?.status).toBe('False');
    }, 20_000);
  });
});
