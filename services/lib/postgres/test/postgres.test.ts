import { systemClock } from '@weir/clock';
import { isWeirError } from '@weir/errors';
import {
  createTestTelemetry,
  silentLogger,
  startProxy,
  startTestPostgres,
  waitFor,
  type TestPostgres,
} from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createPostgres, defineStatement, sqlState, type Postgres, type PostgresOptions } from '../index.ts';

let database: TestPostgres;
let postgres: Postgres;

const connect = (options: Partial<PostgresOptions> = {}): Postgres =>
  createPostgres({
    url: database.url,
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    ...options,
  });

beforeAll(async () => {
  database = await startTestPostgres();
  postgres = connect();
  await postgres.query('CREATE TABLE account (name text PRIMARY KEY, balance integer NOT NULL CHECK (balance >= 0))');
});

afterAll(async () => {
  await postgres.close();
  await database.stop();
});

test('answers rows, with values as parameters alone', async () => {
  const echo = defineStatement<{ text: string }>('echo', 'SELECT $1::text AS text');
  const hostile = `'; DROP TABLE account; --`;
  expect(await postgres.query(echo, [hostile])).toEqual([{ text: hostile }]);
  expect(postgres.healthy()).toBe(true);
});

test('a refusal has its SQLSTATE, spoils no connection and leaves the pool healthy', async () => {
  await postgres.query(`INSERT INTO account VALUES ('twice', 1)`);
  const err: unknown = await postgres
    .query(`INSERT INTO account VALUES ('twice', 1)`)
    .catch((caught: unknown) => caught);
  expect([isWeirError(err, 'POSTGRES_REFUSED'), sqlState(err), postgres.healthy()]).toEqual([true, '23505', true]);
});

test('a transaction that throws leaves nothing behind, one that returns leaves everything', async () => {
  const boom = new Error('boom');
  const insert = `INSERT INTO account VALUES ($1, 1)`;
  const failing = postgres.transaction(async (tx) => {
    await tx.query(insert, ['undone']);
    throw boom;
  });
  await expect(failing).rejects.toBe(boom);
  await postgres.transaction((tx) => tx.query(insert, ['done']));
  expect(await postgres.query(`SELECT name FROM account WHERE name LIKE '%done'`)).toEqual([{ name: 'done' }]);
});

test('a refusal inside a transaction reaches the caller, and the connection serves the next', async () => {
  const single = connect({ maxConnections: 1 });
  const failing = single.transaction(async (tx) => {
    await tx.query('SELECT 1');
    await tx.query(`INSERT INTO account VALUES ('negative', -1)`);
  });
  await expect(failing).rejects.toMatchObject({ code: 'POSTGRES_REFUSED' });
  expect(await single.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await single.close();
});

test('a statement that takes too long is ended by the server, and may be tried again', async () => {
  const hasty = connect({ statementTimeoutMs: 100 });
  const err: unknown = await hasty.query('SELECT pg_sleep(30)').catch((caught: unknown) => caught);
  expect([isWeirError(err, 'POSTGRES_UNAVAILABLE'), sqlState(err)]).toEqual([true, '57014']);
  const patient = hasty.transaction((tx) => tx.query('SELECT pg_sleep(0.3)'), { statementTimeoutMs: 20_000 });
  await expect(patient).resolves.toHaveLength(1);
  await hasty.close();
});

test('connections that the server cuts are replaced, and end neither the process nor the pool', async () => {
  const other = connect({ maxConnections: 1 });
  const [row] = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await postgres.query('SELECT pg_terminate_backend($1)', [row?.pid]);
  // The first statement may still meet the dead connection; none after it does.
  await waitFor(() => other.query('SELECT 1'));
  expect(await other.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await other.close();
});

test('a connection that is cut within a transaction rejects it as unavailable', async () => {
  const err: unknown = await postgres
    .transaction(async (tx) => {
      const [row] = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await postgres.query('SELECT pg_terminate_backend($1)', [row?.pid]);
      await tx.query('SELECT 1');
    })
    .catch((caught: unknown) => caught);
  expect(isWeirError(err, 'POSTGRES_UNAVAILABLE')).toBe(true);
  expect(await postgres.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('without a server every call is refused as unavailable, and health says so', async () => {
  // Nothing listens on port 1.
  const lost = connect({ url: 'postgres://weir:secret@127.0.0.1:1/none' });
  const err: unknown = await lost.query('SELECT 1').catch((caught: unknown) => caught);
  expect(isWeirError(err, 'POSTGRES_UNAVAILABLE')).toBe(true);
  expect(lost.healthy()).toBe(false);
  expect(isWeirError(err) && err.detail).not.toMatch(/secret|127\.0\.0\.1/);
  await lost.close();
});

test('a server that hangs is given up by this side, and served by again without a restart', async () => {
  await using proxy = await startProxy({ port: Number(new URL(database.url).port) });
  const url = new URL(database.url);
  url.port = String(proxy.port);
  const stalled = connect({ url: url.href, statementTimeoutMs: 100, maxConnections: 1 });
  await stalled.query('SELECT 1');
  proxy.stall(true);
  const outcomes = await Promise.allSettled([stalled.query('SELECT 1'), stalled.query('SELECT 1')]);
  expect(
    outcomes.map((outcome) => outcome.status === 'rejected' && isWeirError(outcome.reason, 'POSTGRES_UNAVAILABLE')),
  ).toEqual([true, true]);
  expect(stalled.healthy()).toBe(false);
  proxy.stall(false);
  await waitFor(() => stalled.query('SELECT 1'));
  expect(stalled.healthy()).toBe(true);
  await stalled.close();
});

test('a connection that the network has forgotten is dropped with the first statement that it fails', async () => {
  await using proxy = await startProxy({ port: Number(new URL(database.url).port) });
  const url = new URL(database.url);
  url.port = String(proxy.port);
  const single = connect({ url: url.href, statementTimeoutMs: 100, maxConnections: 1 });
  await single.query('SELECT 1');
  proxy.silence();
  await expect(single.query('SELECT 1')).rejects.toMatchObject({ code: 'POSTGRES_UNAVAILABLE' });
  expect(await single.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await single.close();
});

test('a statement under a sampled span has a span of its own, named after it', async () => {
  const telemetry = createTestTelemetry({ traceSampleRatio: 1 });
  const names: string[] = [];
  const spied = { ...telemetry.tracing, startChild: spyOn(names) };
  const traced = connect({ telemetry: { ...telemetry, tracing: spied } });
  await traced.query(defineStatement('countAccounts', 'SELECT count(*) FROM account'));
  await traced.query('SELECT 1');
  expect(names).toEqual(expect.arrayContaining(['countAccounts', 'SELECT']));
  await traced.close();
  await telemetry.close();
});

/** Notes the name of every span asked for. */
function spyOn(names: string[]) {
  return (name: string) => {
    names.push(name);
    return undefined;
  };
}
