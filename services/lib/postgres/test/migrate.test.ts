import { systemClock } from '@weir/clock';
import { createTestTelemetry, silentLogger, startTestPostgres, type TestPostgres } from '@weir/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { createPostgres, migrate, type Migration, type Postgres } from '../index.ts';

let database: TestPostgres;
const open: Postgres[] = [];

function connect(): Postgres {
  const postgres = createPostgres({
    url: database.url,
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    maxConnections: 2,
  });
  open.push(postgres);
  return postgres;
}

beforeEach(async () => {
  database = await startTestPostgres();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((postgres) => postgres.close()));
  await database.stop();
});

const createTable: Migration = {
  id: 100,
  name: 'create',
  sql: 'CREATE TABLE note (text text); INSERT INTO note VALUES (1)',
};
const addRow: Migration = { id: 101, name: 'add', sql: `INSERT INTO note VALUES ('second')` };
const otherPackage: Migration = { id: 200, name: 'other', sql: 'CREATE TABLE other (id int)' };

const countNotes = async (postgres: Postgres): Promise<number> =>
  (await postgres.query('SELECT text FROM note')).length;

test('applies each once and in order of ids, however often and in whatever order it is asked', async () => {
  const postgres = connect();
  await migrate(postgres, [createTable], silentLogger);
  await migrate(postgres, [addRow, createTable], silentLogger);
  await migrate(postgres, [createTable, addRow], silentLogger);
  expect(await countNotes(postgres)).toBe(2);
  const applied = await postgres.query('SELECT id, name FROM weir_migration ORDER BY id');
  expect(applied).toEqual([
    { id: 100, name: 'create' },
    { id: 101, name: 'add' },
  ]);
});

test('processes that start together apply each once', async () => {
  const processes = Array.from({ length: 6 }, connect);
  await Promise.all(processes.map((postgres) => migrate(postgres, [createTable, addRow], silentLogger)));
  expect(await countNotes(connect())).toBe(2);
});

test('a migration that fails leaves nothing of itself, and those before it stay', async () => {
  const postgres = connect();
  const broken: Migration = { id: 101, name: 'broken', sql: `INSERT INTO note VALUES ('x'); SELECT * FROM nowhere` };
  await expect(migrate(postgres, [createTable, broken], silentLogger)).rejects.toMatchObject({
    code: 'POSTGRES_REFUSED',
  });
  expect(await countNotes(postgres)).toBe(1);
  await migrate(postgres, [createTable, addRow], silentLogger);
  expect(await countNotes(postgres)).toBe(2);
});

test('refuses a migration that was edited after it had been applied', async () => {
  const postgres = connect();
  await migrate(postgres, [createTable], silentLogger);
  const edited = { ...createTable, sql: `${createTable.sql} -- edited` };
  await expect(migrate(postgres, [edited, addRow], silentLogger)).rejects.toThrow(/edited/);
  expect(await countNotes(postgres)).toBe(1);
});

test('refuses a database that a newer release has migrated, but not the tables of another package', async () => {
  const postgres = connect();
  await migrate(postgres, [createTable, addRow, otherPackage], silentLogger);
  await expect(migrate(postgres, [createTable], silentLogger)).rejects.toThrow(/newer release/);
  await expect(migrate(postgres, [createTable, addRow], silentLogger)).resolves.toBeUndefined();
});
