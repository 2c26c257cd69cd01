import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';

import { systemClock } from '@weir/clock';
import { createTestTelemetry, silentLogger, waitFor } from '@weir/testing';
import { expect, test } from 'vitest';

import { startEmbeddedPostgres } from '../embedded/index.ts';
import { createPostgres, type Postgres } from '../index.ts';

const connect = (url: string): Postgres =>
  createPostgres({
    url,
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    maxConnections: 1,
  });

test('a directory keeps the data, and the way in, from one start to the next', async () => {
  const above = await mkdtemp(join(tmpdir(), 'weir-test-'));
  // As root the server runs as another user, who has to get through.
  await chmod(above, 0o755);
  const directory = join(above, 'data');
  const first = await startEmbeddedPostgres({ directory });
  const before = connect(first.url);
  await before.query(`CREATE TABLE kept AS SELECT 'yes' AS text`);
  await before.close();
  await first.stop();

  const second = await startEmbeddedPostgres({ directory, port: first.port });
  const after = connect(second.url);
  expect(await after.query('SELECT text FROM kept')).toEqual([{ text: 'yes' }]);
  await after.close();
  await second.stop();
  await rm(above, { recursive: true });
});

test('a port that is taken is named, with what to do', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const starting = startEmbeddedPostgres({ port, portSetting: '--its-port' });
  await expect(starting).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await expect(starting).rejects.toThrow(
    `Port ${port} for Postgres is taken by another process. Stop that process, or choose another port with --its-port.`,
  );
  taken.close();
});

// Only root starts it as another user, whom a directory can keep out.
test.skipIf(userInfo().uid !== 0)('a directory that its user cannot reach is named, with what to do', async () => {
  const closed = await mkdtemp(join(tmpdir(), 'weir-test-'));
  const starting = startEmbeddedPostgres({ directory: join(closed, 'data') });
  await expect(starting).rejects.toThrow(`${closed} is closed to others; choose another directory`);
  await rm(closed, { recursive: true });
});

test('it ends, and leaves no directory, when the process that started it is killed outright', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weir-test-'));
  // As root the server runs as another user, who has to get through.
  await chmod(directory, 0o755);
  const starter = resolve(import.meta.dirname, 'start-postgres.ts');
  const env = { ...process.env, TMPDIR: directory };
  const parent = spawn(process.execPath, [starter], { stdio: ['pipe', 'pipe', 'inherit'], env });
  const url = String((await once(parent.stdout, 'data'))[0]).trim();
  const postgres = connect(url);
  expect(await postgres.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(await readdir(directory)).toHaveLength(1);
  parent.kill('SIGKILL');
  await waitFor(async () => (await readdir(directory)).length === 0);
  await expect(postgres.query('SELECT 1')).rejects.toMatchObject({ code: 'POSTGRES_UNAVAILABLE' });
  await postgres.close();
  await rm(directory, { recursive: true });
});
