import { createHash } from 'node:crypto';

import { expect, test } from 'vitest';

import { nextMigration, type Migration } from './migrate.ts';

const migration = (id: number): Migration => ({ id, name: `m${id}`, sql: `SELECT ${id}` });
const applied = (id: number) => ({
  id,
  name: `m${id}`,
  sha256: createHash('sha256').update(migration(id).sql).digest('hex'),
});

test.each([
  ['nothing is applied', [], 100],
  ['the first is', [100], 101],
  ['one in the middle is missing', [100, 200], 101],
  ['all are', [100, 101, 200], undefined],
])('when %s', (_when, ids, next) => {
  const migrations = [migration(200), migration(101), migration(100)];
  expect(nextMigration(migrations, ids.map(applied))?.id).toBe(next);
});

test('what another package has applied is none of our business', () => {
  expect(nextMigration([migration(100)], [100, 250, 999].map(applied))).toBeUndefined();
});

test('what a newer release of ours has applied stops an older one', () => {
  expect(() => nextMigration([migration(100)], [100, 101].map(applied))).toThrow(
    /migration 101 \(m101\) of a newer release/,
  );
});

test('an edit after the fact is refused', () => {
  const edited = { ...migration(100), sql: 'SELECT 0' };
  expect(() => nextMigration([edited], [applied(100)])).toThrow(/migration 100 \(m100\) was edited/);
});
