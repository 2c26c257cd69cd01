import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  compileApiKeyPolicy,
  compilePriceFeed,
  createResourceReader,
  formatResourceFault,
  readResources,
} from '../src/index.ts';

const folder = path.resolve(import.meta.dirname, '../examples');
const filesIn = (name: string): string[] =>
  readdirSync(path.join(folder, name)).filter((file) => file.endsWith('.yaml'));
const textOf = (...names: string[]): string => readFileSync(path.join(folder, ...names), 'utf8');
const reader = createResourceReader();

describe('the examples', () => {
  it.each(filesIn(''))('%s is valid and compiles', (file) => {
    const resources = readResources(textOf(file), file);
    expect(resources.length).toBeGreaterThan(0);
    for (const resource of resources) {
      const compiled = resource.kind === 'PriceFeed' ? compilePriceFeed(resource) : compileApiKeyPolicy(resource);
      expect(JSON.stringify(compiled)).toContain(`"default/${resource.metadata.name}"`);
    }
  });

  it('ship the documented plans', () => {
    const plans = readResources(textOf('policies.yaml'), 'policies.yaml').map((resource) => {
      if (resource.kind !== 'ApiKeyPolicy') throw new Error('policies.yaml holds policies alone');
      const { limits } = compileApiKeyPolicy(resource);
      const { requestsPerMonth = '–', requestsPerSecond = '–', burst = '–', reportsPerMonth = '–' } = limits;
      return `${resource.spec.tier} ${requestsPerMonth}/${requestsPerSecond}/${burst}/${reportsPerMonth}`;
    });
    expect(plans).toEqual([
      'free 1000/1/5/10',
      'pro 50000/10/20/10',
      'enterprise 500000/50/100/10',
      'unlimited –/100/200/–',
      'lifetime –/100/200/–',
      'partner –/–/–/–',
      'stress –/–/–/–',
    ]);
  });
});

describe('the invalid examples', () => {
  it.each(filesIn('invalid'))('%s is refused with the messages it names, each on its line', (file) => {
    const text = textOf('invalid', file);
    const expected = [...text.matchAll(/^# expected: (.*)$/gm)].map((match) => match[1]);
    const { faults, resources } = reader.read(text, file);
    const lines = text.split('\n');
    for (const { line = 0, path: at } of faults) {
      // The line holds the field, or the nearest field above one that is missing.
      const names = at
        .replaceAll(/\[\d+\]/g, '')
        .split('.')
        .toReversed();
      expect(names.some((name) => lines[line - 1]?.includes(`${name}:`)) || lines[line - 1]?.includes('- ')).toBe(true);
    }
    expect(faults.map((fault) => formatResourceFault(fault).replace(/^\S+:\d+ /, ''))).toEqual(
      expect.arrayContaining(expected),
    );
    expect(faults.length).toBe(expected.length);
    expect(resources).toEqual([]);
  });
});
