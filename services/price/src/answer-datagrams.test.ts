/** What floods cost: datagrams that prove nothing, too many at once, and faults of the program that they set off. */
import type { RemoteInfo } from 'node:dgram';
import type { Decision } from '@weir/limiter';
import { createFakeClock, createTestTelemetry } from '@weir/testing';
import { createMacKey, createReplayWindow, createSessionIds, encodeDatagram, type DatagramFields } from '@weir/udp';
import { createLogger } from '@weir/telemetry';
import { expect, test } from 'vitest';
import { feedDocument, policyDocument, priceRecord } from '../test/samples.ts';
import { createDatagramAnswerer, type DatagramParts } from './answer-datagrams.ts';
import { createPriceMetrics } from './metrics.ts';
import { createPolicyDirectory } from './policy-directory.ts';
import type { PriceFetcher } from './fetch-price.ts';
import { UNLIMITED } from './price-api.ts';
import { createPriceTable } from './price-table.ts';
import { createPriceReader } from './read-price.ts';
import { createUdpMetrics } from './udp-metrics.ts';
import { createUdpSessions } from './udp-sessions.ts';

const SECRET = 'of-the-installation-0123456789abcdef';
const SENDER: RemoteInfo = { address: '127.0.0.1', family: 'IPv4', port: 9, size: 256 };
const KEY_NAMES = { id: 'the-key', userId: '', projectId: 'p1', teamId: '', name: 'test', tier: 'pro', policy: '' };
const KEY = { ...KEY_NAMES, currentUsage: 0, revoked: false, lrsEnabled: true, createdAtMs: 0, version: 1 };

/** One session of one key and one price; what is awaited of Valkey never comes unless the test says so. */
async function start(
  changes: Partial<Pick<DatagramParts, 'authorize' | 'limiter' | 'reader' | 'replays' | 'send'>> = {},
) {
  const clock = createFakeClock(Date.UTC(2026, 10, 20));
  const telemetry = createTestTelemetry();
  const udp = createUdpMetrics(telemetry);
  const table = createPriceTable();
  table.declare(new Map([['weir/majors', feedDocument({ assets: ['BTC', 'DEAD'] })]]), 0);
  table.apply(priceRecord({ confirmedAtMs: clock.nowMs() }), clock.nowMs());
  const policies = createPolicyDirectory('udp');
  policies.replace(new Map([['weir/pro', policyDocument()]]));
  const seen = { reads: 0, authorized: 0, answers: [] as string[], lines: [] as string[] };
  const serverTimeMs = (): number => clock.nowMs();
  const ids = createSessionIds(SECRET);
  const read = (): Promise<undefined> => {
    seen.reads += 1;
    return new Promise(() => undefined);
  };
  const store = { read, store: () => Promise.resolve([]) };
  const sessions = createUdpSessions({ valkey: { serverTimeMs }, store, clock, ids, metrics: udp });
  const replays = changes.replays ?? createReplayWindow();
  const answerer = createDatagramAnswerer({
    sessions,
    replays,
    authorize: () => {
      seen.authorized += 1;
      return policies.accessOf(KEY);
    },
    limiter: { decide: () => UNLIMITED },
    table,
    reader: { glance: () => undefined, mayFetch: () => false },
    onDemand: { find: () => Promise.reject(new Error('no policy of this test allows it')) },
    metrics: createPriceMetrics(telemetry),
    udp,
    tracing: telemetry.tracing,
    logger: createLogger({ service: 'test', destination: { write: (line: string) => void seen.lines.push(line) } }),
    serverTimeMs,
    send(text, _sender, requestBytes) {
      if (text.length > 2 * requestBytes) return 'too long';
      seen.answers.push(text);
      return 'sent';
    },
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
  const scrape = (): Promise<string> => telemetry.scrape();
  return { clock, table, scrape, answerer, replays, sessions, ids, seen, send, count };
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

test('of a session no more datagrams wait than a bound, and all are let go', async () => {
  const waiting: (() => void)[] = [];
  const limiter = { decide: () => new Promise<typeof UNLIMITED>((resolve) => waiting.push(() => resolve(UNLIMITED))) };
  const { answerer, seen, send, count } = await start({ limiter });
  for (let index = 0; index < 5_000; index += 1) send();
  expect([answerer.waiting, await count('busy')]).toEqual([64, 4_936]);
  for (const release of waiting) release();
  await new Promise((resolve) => setImmediate(resolve));
  expect([answerer.waiting, seen.answers.length]).toEqual([0, 64]);
  send();
  expect(answerer.waiting).toBe(1);
});

test('datagrams of many sessions that wait keep nobody else from an answer', async () => {
  let isSlow = true;
  const limiter = { decide: () => (isSlow ? new Promise<never>(() => undefined) : UNLIMITED) };
  const { answerer, sessions, seen, send } = await start({ limiter });
  for (let session = 0; session < 100; session += 1) {
    const other = await sessions.create({ keyId: KEY.id, sha256: 'ab'.repeat(32) });
    const signer = createMacKey(other.secret);
    for (let index = 0; index < 70; index += 1) send({ session: other.id }, signer);
  }
  // As many as may wait, and one for each session that had none.
  expect(answerer.waiting).toBe(4_096 + 36);
  isSlow = false;
  send();
  expect(seen.answers).toHaveLength(1);
});

test('a price that a venue is asked for keeps no datagram waiting: it is told when to come back, and others are served', async () => {
  const clock = createFakeClock(Date.UTC(2026, 10, 20));
  let fetches = 0;
  const fetcher: PriceFetcher = {
    isDue: ({ pair }) => pair === 'DEAD',
    fetch() {
      fetches += 1;
      return new Promise(() => undefined);
    },
  };
  const get = (): Promise<null> => Promise.resolve(null);
  const valkey = { serverTimeMs: () => clock.nowMs(), decide: { get }, bulk: { get } };
  const reader = createPriceReader({ valkey, fetcher, clock });
  const { answerer, sessions, seen, send } = await start({ reader });
  const other = await sessions.create({ keyId: KEY.id, sha256: 'ab'.repeat(32) });
  for (let index = 0; index < 6_000; index += 1) send({ asset: 'DEAD' });
  send({ session: other.id }, createMacKey(other.secret));
  expect(seen.answers).toEqual([expect.stringContaining('"asset":"BTC"')]);
  // Those have waited for one look into Valkey; no others have to.
  await new Promise((resolve) => setImmediate(resolve));
  expect([answerer.waiting, fetches]).toEqual([0, 64]);
  for (let index = 0; index < 6_000; index += 1) send({ asset: 'DEAD' });
  expect(answerer.waiting).toBe(0);
  const told = seen.answers.filter((text) => text === '{"code":503,"error":"PRICE_NOT_AVAILABLE","retry_ms":500}');
  expect(told).toHaveLength(6_064);
});

test('what is refused is not remembered, and what Valkey is asked about is charged once however often it comes', async () => {
  const refused: Decision = { admitted: false, limit: 'bucket', remaining: 0, retryAfterMs: 1, basis: 'lease' };
  const waiting: ((decision: Decision) => void)[] = [];
  let decide = (): Decision | Promise<Decision> => refused;
  const { replays, seen, send, count } = await start({ limiter: { decide: () => decide() } });
  for (let index = 0; index < 1_000; index += 1) send();
  for (let index = 0; index < 3; index += 1) send({ nonce: 'refused-before' });
  expect([replays.size, seen.answers.length]).toEqual([0, 1_003]);
  decide = () => new Promise((resolve) => waiting.push(resolve));
  for (let index = 0; index < 3; index += 1) send({ nonce: 'refused-before' });
  expect([waiting.length, await count('replay')]).toEqual([1, 2]);
  waiting[0]?.(UNLIMITED);
  await new Promise((resolve) => setImmediate(resolve));
  send({ nonce: 'refused-before' });
  expect([replays.size, waiting.length, await count('replay')]).toEqual([1, 1, 3]);
});

test('nothing is charged that could not be remembered, and that is counted apart', async () => {
  let decisions = 0;
  const limiter = {
    decide() {
      decisions += 1;
      return UNLIMITED;
    },
  };
  const { seen, send, count } = await start({ limiter, replays: createReplayWindow(10) });
  for (let index = 0; index < 30; index += 1) send();
  expect([decisions, seen.answers.length, await count('replay_full'), await count('replay')]).toEqual([10, 10, 20, 0]);
});

test('a price that is too long for its datagram is not charged', async () => {
  let decisions = 0;
  const limiter = {
    decide() {
      decisions += 1;
      return UNLIMITED;
    },
  };
  const { table, clock, seen, send } = await start({ limiter });
  const sources = Array.from({ length: 20 }, (_, index) => `a-source-of-a-long-name-${index}`);
  table.apply(priceRecord({ confirmedAtMs: clock.nowMs(), seq: 2 ** 52, sources }), clock.nowMs());
  send();
  expect(decisions).toBe(0);
  const needed = Number(/"code":413,.*"request_bytes":(\d+)/.exec(seen.answers[0] ?? '')?.[1]);
  expect(needed).toBeGreaterThan(256);
  send({ bytes: needed });
  expect([decisions, seen.answers.length]).toEqual([1, 2]);
  expect(seen.answers[1]).toContain('"asset":"BTC"');
});

test('an answer that could not be sent does not count as one', async () => {
  const { send, scrape } = await start({ send: () => 'dropped' });
  send();
  send({ asset: 'XYZ' });
  expect(await scrape()).not.toMatch(/weir_price_udp_responses_total\{[^}]*\} [1-9]/);
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
    499,
    () => {
      throw new Error('a fault');
    },
  ],
  // Of those that wait no more than a bound are begun.
  ['later', 63, () => Promise.reject(new Error('a fault'))],
])('a fault that shows %s ends nothing, and is one line a second of the log', async (_when, suppressed, decide) => {
  const { clock, answerer, seen, send } = await start({ limiter: { decide } });
  for (let second = 0; second < 3; second += 1) {
    for (let index = 0; index < 500; index += 1) send();
    await clock.advance(1_000);
  }
  expect(seen.lines).toHaveLength(3);
  expect(seen.lines[2]).toContain(`"suppressed":${suppressed}`);
  expect([answerer.waiting, seen.answers.length]).toEqual([0, 0]);
});
