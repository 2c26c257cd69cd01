import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '@weir/clock';
import { hashKeyText } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createTestTelemetry, silentLogger, waitFor } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanUp, isAlive, run, temporaryFolder, type Run } from './run-standalone.ts';

/** Starting takes seconds even on an idle machine. */
const LONG_MS = 180_000;

interface Health {
  readonly rateLimiting: { readonly local: Readonly<Record<string, { readonly done: number }>> };
}

const data = path.join(temporaryFolder(), 'data');
let standalone: Run;
let line: string;
let keyText: string;
let valkey: Valkey;

const printed = (pattern: RegExp): string => pattern.exec(standalone.stdout())?.[1] ?? '';
const price = async (): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(/"(http[^"]+)"/.exec(line)?.[1] ?? '', {
    headers: { authorization: `Bearer ${keyText}` },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

beforeAll(async () => {
  standalone = run(['--data', data, '--http-port', '0']);
  line = await standalone.curlLine();
  keyText = /Bearer ([^"]+)"/.exec(line)?.[1] ?? '';
  valkey = createValkey({
    target: parseValkeyUrl(printed(/valkey +(redis:\S+)/)),
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
  });
  await valkey.ready();
}, LONG_MS);

afterAll(async () => {
  await valkey.close();
  standalone.signal('SIGINT');
  await standalone.ended;
  cleanUp();
}, LONG_MS);

describe('standalone mode', () => {
  it('prints a line that works as pasted', () => {
    const hasCurl = (process.env['PATH'] ?? '')
      .split(':')
      .some((folder) => statSync(`${folder}/curl`, { throwIfNoEntry: false }));
    // Where there is no curl, fetch asks the same.
    const answer = hasCurl ? execFileSync('sh', ['-c', line], { encoding: 'utf8' }) : undefined;
    expect(answer === undefined ? undefined : JSON.parse(answer)).toMatchObject({
      asset: 'BTC',
      quote: 'USD',
      status: 'fresh',
      price: expect.any(Number),
    });
  });

  it('takes prices of all six exchanges', async () => {
    const venues = ['coinbase', 'kraken', 'gemini', 'gateio', 'bybit', 'okx'];
    const key = keyspace.price.key({ pair: 'BTC' });
    const votes = async (): Promise<unknown> =>
      (JSON.parse((await valkey.bulk.get(key)) ?? '{}') as { sources?: unknown }).sources;
    await waitFor(
      async () => JSON.stringify(await votes()) === JSON.stringify(venues.map((name) => `${name}-ws`)),
      20_000,
    );
  });

  it('has one quota for each exchange, which the price server shares with the feeds: its health knows what they asked', async () => {
    const origin = new URL(printed(/described at (\S+)/)).origin;
    // The feeds have asked for the lists of markets, the price server for nothing.
    await waitFor(async () => {
      const health = (await (await fetch(`${origin}/health`)).json()) as Health;
      return Object.values(health.rateLimiting.local).filter(({ done }) => done > 0).length === 6;
    }, 20_000);
  });

  it('answers a fresh price with the limits of the demo key, and none without a key', async () => {
    expect(await price()).toMatchObject({ status: 200, body: { status: 'fresh' } });
    const refused = await fetch(/"(http[^"]+)"/.exec(line)?.[1] ?? '');
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ code: 'KEY_MISSING' });
  });

  it('says where things are', async () => {
    for (const label of [
      'resources',
      'valkey',
      'postgres',
      'venues',
      'key',
      'price API',
      'data',
      'process',
      'prices',
    ]) {
      expect(standalone.stdout()).toMatch(new RegExp(`^  ${label} +\\S`, 'm'));
    }
    const docs = await fetch(printed(/described at (\S+)/));
    expect(docs.status).toBe(200);
    expect(printed(/process +(\d+)/)).toBe(String(standalone.pid));
  });

  it('keeps the text of the key in a file that only its owner can read', () => {
    const file = printed(/key +default\/demo demo in (\S+)/);
    expect(readFileSync(file, 'utf8').trim()).toBe(keyText);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  });

  it('has prices, documents and keys back within 3 s after FLUSHALL', async () => {
    const seqBefore = Number((await price()).body['seq']);
    await valkey.bulk.call('FLUSHALL');
    const flushedAt = systemClock.monotonicMs();
    const apiKey = keyspace.apiKey.key({ sha256: hashKeyText(keyText) });
    await waitFor(async () => {
      const [feeds, policies, key, record] = await Promise.all([
        valkey.bulk.hgetall(keyspace.feeds.key()),
        valkey.bulk.hgetall(keyspace.policies.key()),
        valkey.bulk.hgetall(apiKey),
        valkey.bulk.get(keyspace.price.key({ pair: 'BTC' })),
      ]);
      return feeds['default/majors'] && policies['default/demo'] && key['tier'] === 'demo' && record;
    }, 20_000);
    expect(systemClock.monotonicMs() - flushedAt).toBeLessThan(3_000);
    const { status, body } = await price();
    expect([status, body['status']]).toEqual([200, 'fresh']);
    expect(Number(body['seq'])).toBeGreaterThan(seqBefore);
  });

  it('starts Valkey again when it dies, and is whole again without a restart', { timeout: LONG_MS }, async () => {
    const port = Number(new URL(printed(/valkey +(redis:\S+)/)).port);
    const seqBefore = Number((await price()).body['seq']);
    const info = String(await valkey.bulk.call('INFO', 'server'));
    process.kill(Number(/process_id:(\d+)/.exec(info)?.[1]), 'SIGKILL');
    await waitFor(async () => String(await valkey.bulk.call('INFO', 'server')).includes(`tcp_port:${port}`), 60_000);
    await waitFor(async () => (await valkey.bulk.hgetall(keyspace.policies.key()))['default/demo'], 20_000);
    await waitFor(async () => {
      const { status, body } = await price();
      return status === 200 && body['status'] === 'fresh' && Number(body['seq']) > seqBefore;
    }, 20_000);
  });

  it('refuses a port that is taken, with what to type', { timeout: LONG_MS }, async () => {
    const port = new URL(/"(http[^"]+)"/.exec(line)?.[1] ?? '').port;
    const second = run(['--data', path.join(temporaryFolder(), 'data'), '--http-port', port]);
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toContain(`Port ${port} is taken by another process.`);
    expect(second.stderr()).toContain(`npm start -- --http-port ${Number(port) + 1}`);
  });

  it('refuses a data folder that a living process has', { timeout: LONG_MS }, async () => {
    const second = run(['--data', data, '--http-port', '0']);
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toContain(
      `in use by process ${standalone.pid}. Stop that process, or name another folder with --data`,
    );
    expect(isAlive(standalone.pid)).toBe(true);
  });
});
