/** Prices over UDP: real datagrams, real Valkey, sessions made over real HTTP. */
import { createHmac } from 'node:crypto';
import { hashKeyText } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { createFakeClock, waitFor } from '@weir/testing';
import { createSessionIds } from '@weir/udp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Harness, type Pod } from './harness.ts';
import { createSession, datagram, openUdpClient, type Session, type UdpClient } from './udp-client.ts';

const UDP_SECRET = 'a-secret-of-the-installation-0123456789';
const HARDLY_REFILLED = { requestsPerSecond: 0.001, burst: 5 };
const OPEN_ACCESS = { allowStale: true, onDemandAssets: false };

let harness: Harness;
let pod: Pod;
let client: UdpClient;

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishFeeds(feedDocument({ assets: ['BTC', 'EMPTY'] }));
  await harness.publishPolicies(
    policyDocument(),
    policyDocument({ policy: 'weir/five', tier: 'five', limits: HARDLY_REFILLED }),
    policyDocument({ policy: 'weir/http', tier: 'http', access: { ...OPEN_ACCESS, protocols: ['http'] } }),
    policyDocument({ policy: 'weir/free', tier: 'free', limits: {} }),
  );
  await harness.putPrice();
  pod = await harness.startPod({ udpSecret: UDP_SECRET });
  client = await openUdpClient();
}, 60_000);

afterAll(async () => {
  client.close();
  await harness.stop();
});

async function count(of: Pod, name: string): Promise<number> {
  const line = (await of.get('/metrics')).text.split('\n').find((each) => each.startsWith(name));
  return Number(line?.slice(line.lastIndexOf(' ') + 1) ?? 0);
}

const ignored = (reason: string, of = pod): Promise<number> =>
  count(of, `weir_price_udp_ignored_total{reason="${reason}"}`);

/** Sends something that gets no answer, and waits until it was counted as such. */
async function sendInVain(bytes: Buffer, port: number, reason: string, of = pod): Promise<void> {
  const [before, answers] = [await ignored(reason, of), client.answers.length];
  client.send(bytes, port);
  await waitFor(async () => (await ignored(reason, of)) === before + 1);
  expect(client.answers).toHaveLength(answers);
}

describe('a session', () => {
  test('is made with a key and gets the price that HTTP gives, with its age', async () => {
    const key = await harness.putKey();
    const session = await createSession(pod, key);
    const answer = await client.ask(session);
    const { body } = await pod.get('/price?asset=BTC', key);
    expect(answer).toEqual({ ...body, age_ms: answer['age_ms'] });
    expect(Number(answer['age_ms'])).toBeLessThanOrEqual(Number(body['age_ms']));
    expect(Date.parse(session.expires_at) - Date.now()).toBeGreaterThan(3_500_000);
  });

  test('can be used by whoever knows HMAC-SHA256', async () => {
    const { session, secret, port } = await createSession(pod, await harness.putKey());
    const signed = `WEIR1 ${session} BTC ${Date.now()} 0123456789`;
    const hmac = createHmac('sha256', secret).update(signed).digest('hex');
    const before = client.answers.length;
    client.send(Buffer.from(`${signed} ${hmac}`.padEnd(256)), port);
    await waitFor(() => client.answers.length > before);
    expect(client.answers[before]).toContain('"asset":"BTC"');
  });

  test('costs one call of the bucket, and is refused by it', async () => {
    const key = await harness.putKey({ tier: 'five' });
    for (let index = 0; index < 5; index += 1) await createSession(pod, key);
    await expect(createSession(pod, key)).rejects.toThrow('RATE_LIMITED');
  });

  test('is for keys whose policy allows UDP, and for nobody without a key', async () => {
    await expect(createSession(pod, await harness.putKey({ tier: 'http' }))).rejects.toThrow('PROTOCOL_NOT_ALLOWED');
    await expect(createSession(pod, 'weir_test_mistyped')).rejects.toThrow('KEY_MALFORMED');
  });

  test('is known to every server that shares the secret, after one look into Valkey', async () => {
    const other = await harness.startPod({ udpSecret: UDP_SECRET });
    const key = await harness.putKey();
    const [session, { port }] = [await createSession(pod, key), await createSession(other, key)];
    for (let index = 0; index < 3; index += 1) {
      expect(await client.ask({ ...session, port })).toMatchObject({ asset: 'BTC' });
    }
    expect(await count(other, 'weir_price_udp_session_reads_total')).toBe(1);
    await other.stop();
  });

  test('ends for the hundred and first of its key, so that no key fills Valkey', async () => {
    const id = 'many-sessions';
    const key = await harness.putKey({ id, tier: 'free' });
    const sessions: Session[] = [];
    for (let index = 0; index < 103; index += 1) sessions.push(await createSession(pod, key));
    const own = keyspace.udpSessions.key({ key_id: id });
    const isKept = async ({ session }: Session): Promise<boolean> =>
      (await harness.valkey.bulk.call('EXISTS', keyspace.udpSession.key({ session_id: session }))) === 1;
    expect(await harness.valkey.bulk.call('ZCARD', own)).toBe(100);
    expect(Number(await harness.valkey.bulk.call('PTTL', own))).toBeGreaterThan(3_590_000);
    await waitFor(async () => !(await isKept(sessions[2] as Session)));
    expect(await Promise.all(sessions.map(isKept))).toEqual(sessions.map((_, index) => index >= 3));
    for (const ended of sessions.slice(0, 3)) await sendInVain(datagram(ended), ended.port, 'session');
    for (const kept of [sessions.at(3), sessions.at(-1)])
      expect(await client.ask(kept as Session)).toMatchObject({ asset: 'BTC' });
  });

  test('leaves nothing in Valkey but the id of the key and the secret, for an hour', async () => {
    const { session, secret } = await createSession(pod, await harness.putKey({ id: 'the-key' }));
    const key = keyspace.udpSession.key({ session_id: session });
    expect(await harness.valkey.bulk.hgetall(key)).toEqual({ key_id: 'the-key', secret });
    expect(Number(await harness.valkey.bulk.call('PTTL', key))).toBeGreaterThan(3_590_000);
  });
});

describe('what gets no answer', () => {
  let session: Session;
  beforeAll(async () => {
    session = await createSession(pod, await harness.putKey({ tier: 'free' }));
  });

  test('is short', async () => {
    const before = await count(pod, 'weir_udp_dropped_total{reason="short"}');
    client.send(datagram(session).subarray(0, 255), session.port);
    await waitFor(async () => (await count(pod, 'weir_udp_dropped_total{reason="short"}')) === before + 1);
  });

  test('is malformed', () => sendInVain(Buffer.alloc(300, 'x'), session.port, 'malformed'));

  test('has a forged session id, which costs no look into Valkey, nor does one that has ended', async () => {
    const reads = await count(pod, 'weir_price_udp_session_reads_total');
    const sha256 = hashKeyText('any');
    const forged = createSessionIds('a secret that somebody guessed').seal({
      sha256,
      expiresAtMs: Date.now() + 60_000,
    });
    const ended = createSessionIds(UDP_SECRET).seal({ sha256, expiresAtMs: Date.now() - 1_000 });
    for (const id of [forged, ended]) await sendInVain(datagram({ ...session, session: id }), session.port, 'session');
    expect(await count(pod, 'weir_price_udp_session_reads_total')).toBe(reads);
  });

  test('has a genuine id that Valkey does not know, which costs one look for all that follow', async () => {
    const reads = await count(pod, 'weir_price_udp_session_reads_total');
    const facts = { sha256: hashKeyText('any'), expiresAtMs: Date.now() + 60_000 };
    const lost = { ...session, session: createSessionIds(UDP_SECRET).seal(facts) };
    for (let index = 0; index < 4; index += 1) await sendInVain(datagram(lost), session.port, 'session');
    expect(await count(pod, 'weir_price_udp_session_reads_total')).toBe(reads + 1);
  });

  test('is signed by another secret', () =>
    sendInVain(datagram({ ...session, secret: 'another' }), session.port, 'hmac'));

  test.each([-31_000, 31_000])('is of a time %s ms from now', async (offsetMs) => {
    await sendInVain(datagram(session, { unixMs: Date.now() + offsetMs }), session.port, 'skewed');
  });

  test('was there before, and is not charged again', async () => {
    const limited = await createSession(pod, await harness.putKey({ tier: 'five' }));
    const bytes = datagram(limited);
    const before = client.answers.length;
    client.send(bytes, limited.port);
    await waitFor(() => client.answers.length > before);
    for (let index = 0; index < 10; index += 1) await sendInVain(bytes, limited.port, 'replay');
    // Of five calls one was for the session, and one for what was repeated.
    for (let index = 0; index < 3; index += 1) expect(await client.ask(limited)).toMatchObject({ asset: 'BTC' });
    expect(await client.ask(limited)).toMatchObject({ code: 429 });
  });
});

describe('who has proved a session', () => {
  test('is told in a few bytes when the limit that HTTP shares is used up', async () => {
    const key = await harness.putKey({ tier: 'five' });
    const session = await createSession(pod, key);
    expect((await pod.get('/price?asset=BTC', key)).status).toBe(200);
    for (let index = 0; index < 3; index += 1) await client.ask(session);
    expect((await pod.get('/price?asset=BTC', key)).status).toBe(429);
    const refusal = await client.ask(session);
    expect(refusal).toEqual({ code: 429, retry_ms: expect.any(Number) });
    expect(refusal['retry_ms']).toBeGreaterThan(0);
  });

  test('is told why there is no price', async () => {
    const session = await createSession(pod, await harness.putKey());
    expect(await client.ask(session, { asset: 'XYZ' })).toEqual({ code: 404, error: 'ASSET_UNKNOWN' });
    expect(await client.ask(session, { asset: '-' })).toEqual({ code: 400, error: 'INVALID_REQUEST' });
    expect(await client.ask(session, { asset: 'EMPTY' })).toEqual({ code: 503, error: 'PRICE_NOT_AVAILABLE' });
  });

  test('gets no answer of more than twice the request, and is told how long a request it takes', async () => {
    const sources = Array.from({ length: 40 }, (_, index) => `a-source-of-a-long-name-${index}`);
    await harness.publishFeeds(feedDocument({ assets: ['BTC', 'EMPTY', 'LONG'] }));
    await harness.putPrice({ asset: 'LONG', sources });
    const key = await harness.putKey();
    await waitFor(async () => (await pod.get('/price?asset=LONG', key)).status === 200);
    const session = await createSession(pod, key);
    const refusal = await client.ask(session, { asset: 'LONG' });
    expect(refusal).toMatchObject({ code: 413, error: 'BODY_TOO_LARGE' });
    const bytes = Number(refusal['request_bytes']);
    expect(bytes).toBeGreaterThan(256);
    expect(await client.ask(session, { asset: 'LONG', bytes: bytes + 8 })).toMatchObject({ sources });
    for (const text of client.answers) expect(text.length).toBeLessThanOrEqual(2 * (bytes + 8));
  });

  test('is refused when the key is revoked', async () => {
    const clock = createFakeClock();
    const patient = await harness.startPod({ udpSecret: UDP_SECRET, clock, awaitReady: false });
    await waitFor(async () => {
      await clock.advance(100);
      return (await patient.get('/readyz')).status === 200;
    });
    const key = await harness.putKey();
    const session = await createSession(patient, key);
    expect(await client.ask(session)).toMatchObject({ asset: 'BTC' });
    const record = keyspace.apiKey.key({ sha256: hashKeyText(key) });
    await harness.valkey.bulk.call('HSET', record, 'revoked', '1', 'version', '2');
    await clock.advance(10_100);
    expect(await client.ask(session)).toEqual({ code: 401, error: 'KEY_REVOKED' });
    let hasStopped = false;
    void patient.stop().then(() => (hasStopped = true));
    await waitFor(async () => {
      await clock.advance(100);
      return hasStopped;
    });
  });
});

test('counts what it was asked over UDP for the cluster', async () => {
  const answered = await count(pod, 'weir_price_udp_responses_total{status="2xx"}');
  expect(answered).toBeGreaterThan(0);
  const told = async (): Promise<number> => {
    const json = await harness.valkey.bulk.get(keyspace.clusterStats.key({ node: pod.node }));
    return json === null ? 0 : Number(/"udp_requests":(\d+)/.exec(json)?.[1]);
  };
  // At least what was answered with a price, since refusals are requests too.
  await waitFor(async () => (await told()) >= answered);
});

test('while Valkey is away sessions in memory are served as the policy says', async () => {
  const lonely = await harness.startPod({ udpSecret: UDP_SECRET, decideMs: 50 });
  const session = await createSession(lonely, await harness.putKey());
  expect(await client.ask(session)).toMatchObject({ asset: 'BTC' });
  harness.server.hang();
  try {
    expect(await client.ask(session)).toMatchObject({ asset: 'BTC' });
  } finally {
    harness.server.resume();
  }
  await lonely.stop();
});

test('a stop closes the port', async () => {
  const leaving = await harness.startPod({ udpSecret: UDP_SECRET });
  const session = await createSession(leaving, await harness.putKey());
  expect(await client.ask(session)).toMatchObject({ asset: 'BTC' });
  await leaving.stop();
  const answers = client.answers.length;
  client.send(datagram(session), session.port);
  // Another pod's answer proves that there was time for one.
  await client.ask(await createSession(pod, await harness.putKey()));
  expect(client.answers).toHaveLength(answers + 1);
});
