/** What floods cost: datagrams that prove nothing, too many at once, and faults of the program that they set off. */
import type { RemoteInfo } from 'node:dgram';
import { createFakeClock, createTestTelemetry } from '@weir/testing';
import { createMacKey, createReplayWindow, createSessionIds, encodeDatagram, type DatagramFields } from '@weir/udp';
import { createLogger } from '@weir/telemetry';
import { expect, test } from 'vitest';
import { feedDocument, policyDocument, priceRecord } from '../test/samples.ts';
import { createDatagramAnswerer, type DatagramParts } from './answer-datagrams.ts';
import { createPriceMetrics } from './metrics.ts';
import { createPolicyDirectory } from './policy-directory.ts';
import { UNLIMITED } from './price-api.ts';
import { createPriceTable } from './price-table.ts';
import { createUdpMetrics } from './udp-metrics.ts';
import { createUdpSessions } from './udp-sessions.ts';

const SECRET = 'of-the-installation-0123456789abcdef';
const SENDER: RemoteInfo = { address: '127.0.0.1', family: 'IPv4', port: 9, size: 256 };
const KEY_NAMES = { id: 'the-key', userId: '', projectId: 'p1', teamId: '', name: 'test', tier: 'pro', policy: '' };
const KEY = { ...KEY_NAMES, currentUsage: 0, revoked: false, lrsEnabled: true, createdAtMs: 0, version: 1 };

/** One session of one key and one price; what is awaited of Valkey never comes unless the test says so. */
async function start(changes: Partial<Pick<DatagramParts, 'authorize' | 'limiter'>> = {}) {
  const clock = createFakeClock(Date.UTC(2026, 10, 20));
  const telemetry = createTestTelemetry();
  const udp = createUdpMetrics(telemetry);
  const table = createPriceTable();
  table.declare(new Map([['weir/majors', feedDocument()]]), 0);
  table.apply(priceRecord({ confirmedAtMs: clock.nowMs() }), clock.nowMs());
  const policies = createPolicyDirectory('udp');
  policies.replace(new Map([['weir/pro', policyDocument()]]));
  const seen = { reads: 0, authorized: 0, answers: [] as string[], lines: [] as string[] };
  const serverTimeMs = (): number => clock.nowMs();
  const ids = createSessionIds(SECRET);
  const hgetall = (): Promise<Record<string, string>> => {
    seen.reads += 1;
    return new Promise(() => undefined);
  };
  const valkey = { serverTimeMs, decide: { hgetall, run: () => Promise.resolve(1) } };
  const sessions = createUdpSessions({ valkey, clock, ids, metrics: udp });
  const replays = createReplayWindow();
  const answerer = createDatagramAnswerer({
    sessions,
    replays,
    authorize: () => {
      seen.authorized += 1;
      return policies.accessOf(KEY);
    },
    limiter: { decide: () => UNLIMITED },
    table,
    reader: { check: () => undefined },
    onDemand: { find: () => Promise.reject(new Error('no policy of this test allows it')) },
    metrics: createPriceMetrics(telemetry),
    udp,
    tracing: telemetry.tracing,
    logger: createLogger({ service: 'test', destination: { write: (line: string) => void seen.lines.push(line) } }),
    serverTimeMs,
    send: (text) => seen.answers.push(text) > 0,
    ...changes,
  });
  const session = await sessions.create({ keyId: KEY.id, sha256: 'ab'.repeat(32) });
  const key = createMacKey(session.secret);
  let sent = 0;
  /** Well formed, each with a nonce of its own; signed with the session's secret unless with another one. */
  const send = (fields: Partial<DatagramFields> = {}, signer = key): void => {
    sent += 1;
    const own = { session: session.id, asset: 'BTC', unixMs: clock.nowMs(), nonce: String(sent).padStart(8, '0') };
    answerer.take(encodeDatagram(signer, { ...own, ...fields }), SENDER);
  };
  const count = async (reason: string): Promise<number> => {
    const line = new RegExp(`weir_price_udp_ignored_total\\{reason="${reason}"[^}]*\\} (\\d+)`);
    return Number(line.exec(await telemetry.scrape())?.[1] ?? 0);
  };
  return { clock, answerer, replays, sessions, ids, seen, send, count };
}

test('a flood of wrong MACs and forged sessions costs no answer, no look-up, no memory and no line of the log', async () => {
  const { replays, sessions, seen, send, count } = await start();
  const stranger = createMacKey('somebody else');
  const forged = createSessionIds('guessed').seal({ sha256: 'ab'.repeat(32), expiresAtMs: Date.UTC(2027, 0, 1) });
  for (let index = 0; index < 5_000; index += 1) {
    send({}, stranger);
    send({ session: forged });
  }
  expect(await Promise.all([count('hmac'), count('session')])).toEqual([5_000, 5_000]);
  expect(seen).toEqual({ reads: 0, authorized: 0, answers: [], lines: [] });
  expect([replays.size, sessions.size]).toEqual([0, 1]);
  send();
  expect(seen.answers).toEqual([expect.stringContaining('"asset":"BTC"')]);
});

test('a datagram sent a thousand times is charged and answered once', async () => {
  const { seen, send, count } = await start();
  for (let index = 0; index < 1_000; index += 1) send({ nonce: 'always-the-same' });
  expect([seen.answers.length, seen.authorized, await count('replay')]).toEqual([1, 1, 999]);
});

test.each([-30_000, -29_000, 29_000, 30_000])('a clock that is %s ms off is good enough', async (offMs) => {
  const { clock, seen, send } = await start();
  send({ unixMs: clock.nowMs() + offMs });
  expect(seen.answers).toHaveLength(1);
});

test.each([-30_001, 30_001, -3_600_000])('a clock that is %s ms off gets no answer', async (offMs) => {
  const { clock, seen, send, count } = await start();
  send({ unixMs: clock.nowMs() + offMs });
  expect([seen.answers.length, await count('skewed')]).toEqual([0, 1]);
});

test('of datagrams that have to wait no more than a bound are kept, and all are let go', async () => {
  const waiting: (() => void)[] = [];
  const limiter = { decide: () => new Promise<typeof UNLIMITED>((resolve) => waiting.push(() => resolve(UNLIMITED))) };
  const { answerer, seen, send, count } = await start({ limiter });
  for (let index = 0; index < 5_000; index += 1) send();
  expect([answerer.waiting, await count('busy')]).toEqual([4_096, 904]);
  for (const release of waiting) release();
  await new Promise((resolve) => setImmediate(resolve));
  expect([answerer.waiting, seen.answers.length]).toEqual([0, 4_096]);
});

test('unknown sessions of the installation that Valkey is slow about are looked up a thousand at once, no more', async () => {
  const { ids, clock, seen, send } = await start();
  for (let index = 0; index < 3_000; index += 1)
    send({ session: ids.seal({ sha256: 'cd'.repeat(32), expiresAtMs: clock.nowMs() + 60_000 }) });
  expect(seen.reads).toBe(1_000);
});

test.each([
  [
    'at once',
    () => {
      throw new Error('a fault');
    },
  ],
  ['later', () => Promise.reject(new Error('a fault'))],
])('a fault that shows %s ends nothing, and is one line a second of the log', async (_when, decide) => {
  const { clock, answerer, seen, send } = await start({ limiter: { decide } });
  for (let second = 0; second < 3; second += 1) {
    for (let index = 0; index < 500; index += 1) send();
    await clock.advance(1_000);
  }
  expect(seen.lines).toHaveLength(3);
  expect(seen.lines[2]).toContain('"suppressed":499');
  expect([answerer.waiting, seen.answers.length]).toEqual([0, 0]);
});
