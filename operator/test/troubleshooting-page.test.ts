/** docs/troubleshooting.md explains every reason that a condition may give, and none that is gone. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACCEPTED_REASONS, ENFORCED_REASONS, REFS_REASONS } from '../src/api-key-policy/reasons.ts';
import { REASONS } from '../src/price-feed/reasons.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/troubleshooting.md'), 'utf8');

/** Names in the first column of the table below a heading. */
function explained(heading: string): readonly string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const firstColumns = section.split('\n').flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
  return firstColumns.flatMap((column) => [...column.matchAll(/`(\w+)`/g)].map(([, name = '']) => name));
}

const READY_ALONE = ['AllReady', 'CleanupPending'];

describe('docs/troubleshooting.md', () => {
  it.each([
    ['PriceFeed', Object.keys(REASONS)],
    ['ApiKeyPolicy', [...READY_ALONE, ...ACCEPTED_REASONS, ...REFS_REASONS, ...ENFORCED_REASONS]],
  ])('explains the reasons of %s, once each, and no others', (heading, reasons) => {
    expect(explained(heading).toSorted()).toEqual(reasons.toSorted());
  });
});
