/** The process as it is started: from settings to a price, without Postgres at first, and stopped by a signal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { startProxy, startTestPostgres, startTestValkey, waitFor } from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Harness } from './harness.ts';

const MAIN = path.join(import.meta.dirname, '..', 'src', 'main.ts');

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishFeeds(feedDocument());
  await harness.publishPolicies(policyDocument());
  await harness.putPrice();
}, 60_000);

afterAll(() => harness.stop());

test('starts without Postgres, serves, migrates when Postgres comes, and stops cleanly', async () => {
  await using database = await startTestPostgres();
  const target = new URL(database.url);
  await using proxy = await startProxy({ host: target.hostname, port: Number(target.port) });
  proxy.refuse(true);
  const direct = database.url;
  target.port = String(proxy.port);
  const child = spawn(process.execPath, [MAIN], {
    env: {
      WEIR_NODE_NAME: 'price-0',
      WEIR_HTTP_HOST: '127.0.0.1',
      WEIR_HTTP_PORT: '0',
      WEIR_POSTGRES_URL: target.href,
      REDIS_URL: harness.server.url,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  try {
    const listening = await waitFor(() => lines.find((line) => line.includes('"listening"')));
    const url = /"url":"([^"]+)"/.exec(listening)?.[1] ?? '';
    await waitFor(async () => (await fetch(`${url}/readyz`)).status === 200);
    const key = await harness.putKey();
    const price = await fetch(`${url}/price?asset=BTC`, { headers: { authorization: `Bearer ${key}` } });
    expect(price.status).toBe(200);
    expect(lines.join('\n')).not.toContain('"migration applied"');
    proxy.refuse(false);
    await waitFor(() => lines.some((line) => line.includes('"migration applied"')), 20_000);
    expect(lines.join('\n')).not.toContain(new URL(direct).password);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});

test('ends with status 1, and says what to do, on a Valkey that may evict keys', async () => {
  await using evicting = await startTestValkey({ args: ['--maxmemory-policy', 'allkeys-lru'] });
  const child = spawn(process.execPath, [MAIN], {
    env: {
      WEIR_NODE_NAME: 'price-1',
      WEIR_HTTP_HOST: '127.0.0.1',
      WEIR_HTTP_PORT: '0',
      // Nobody listens there: a start does not wait for Postgres.
      WEIR_POSTGRES_URL: 'postgres://weir@127.0.0.1:1/weir',
      REDIS_URL: evicting.url,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  try {
    await waitFor(() => child.exitCode !== null && log.includes('"stopped"'), 20_000);
    expect(child.exitCode).toBe(1);
    expect(log).toMatch(/"level":"fatal".*maxmemory-policy is allkeys-lru; run CONFIG SET maxmemory-policy noeviction/);
  } finally {
    child.kill('SIGKILL');
  }
}, 30_000);
