/** The small clients of UDP and of streams, as programs, against real price servers. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { hashKeyText } from '@weir/keys';
import { keyspace } from '@weir/keyspace';
import { waitFor } from '@weir/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  feedDocument,
  policyDocument,
  startHarness,
  type Harness,
  type Pod,
} from '../../services/price/test/harness.ts';
import { createSession } from '../../services/price/test/udp-client.ts';

const UDP_SECRET = 'a-secret-of-the-installation-0123456789';

let harness: Harness;
let pod: Pod;
let key: string;
const running: Client[] = [];

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishFeeds(feedDocument({ assets: ['BTC', 'ETH'] }));
  await harness.publishPolicies(policyDocument({ limits: {} }));
  await Promise.all(['BTC', 'ETH'].map((asset) => harness.putPrice({ asset })));
  pod = await harness.startPod({ udpSecret: UDP_SECRET });
  key = await harness.putKey();
}, 60_000);

afterEach(() => {
  for (const { stop } of running.splice(0)) stop();
});

afterAll(() => harness.stop());

interface Client {
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly complaints: () => string;
  readonly exited: Promise<unknown>;
  readonly stop: () => void;
}

function run(tool: 'udp-client' | 'sse-client', args: readonly string[], apiKey: string | undefined = key): Client {
  const file = path.resolve(import.meta.dirname, '..', `${tool}.ts`);
  const child = spawn(process.execPath, [file, ...args], { env: { WEIR_API_KEY: apiKey } });
  const lines: Client['lines'][number][] = [];
  // A test reads the members it expects.
  createInterface({ input: child.stdout }).on('line', (line) =>
    lines.push(JSON.parse(line) as Client['lines'][number]),
  );
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const client = {
    lines,
    complaints: () => complaints,
    exited: once(child, 'close').then(([code]) => Number(code)),
    stop: () => void child.kill('SIGKILL'),
  };
  running.push(client);
  return client;
}

async function revoke(text: string): Promise<void> {
  const name = keyspace.apiKey.key({ sha256: hashKeyText(text) });
  await harness.valkey.bulk.call('HSET', name, 'revoked', '1', 'version', '2');
}

describe('both', () => {
  test.each(['udp-client', 'sse-client'] as const)('%s says how it is used', async (tool) => {
    const wrong = run(tool, ['--cuont', '1', 'BTC']);
    expect(await wrong.exited).toBe(2);
    expect(wrong.complaints()).toContain('Usage: ');
    const keyless = run(tool, ['BTC'], '');
    expect(await keyless.exited).toBe(2);
    expect(keyless.complaints()).toContain('no API key: set WEIR_API_KEY');
    const assetless = run(tool, []);
    expect(await assetless.exited).toBe(2);
  });

  test.each(['udp-client', 'sse-client'] as const)(
    '%s says that nobody answers, or why it is refused',
    async (tool) => {
      const lost = run(tool, ['--url', 'http://127.0.0.1:1', 'BTC']);
      expect(await lost.exited).toBe(1);
      expect(lost.complaints()).toContain('does not answer: is --url right?');
      const refused = run(tool, ['--url', pod.url, 'BTC'], 'weir_test_mistyped');
      expect(await refused.exited).toBe(1);
      expect(refused.complaints()).toContain('KEY_MALFORMED');
    },
  );
});

describe('the client of UDP', () => {
  test('prints each answer as a line and ends when it has enough', async () => {
    const client = run('udp-client', ['--url', pod.url, '--count', '3', '--interval-ms', '1', 'BTC', 'ETH']);
    expect(await client.exited).toBe(0);
    expect(client.lines.map(({ asset }) => String(asset)).toSorted()).toEqual([
      'BTC',
      'BTC',
      'BTC',
      'ETH',
      'ETH',
      'ETH',
    ]);
    expect(client.lines[0]).toMatchObject({ price_text: '84737.58', status: expect.any(String) });
  });

  test('prints a refusal with its asset, and ends where asking again is no use', async () => {
    const client = run('udp-client', ['--url', pod.url, '--count', '0', 'XYZ']);
    expect(await client.exited).toBe(1);
    expect(client.lines).toEqual([{ asset: 'XYZ', code: 404, error: 'ASSET_UNKNOWN' }]);
  });

  test('asks for as long an answer as there is', async () => {
    const sources = Array.from({ length: 40 }, (_, index) => `a-source-of-a-long-name-${index}`);
    await harness.publishFeeds(feedDocument({ assets: ['BTC', 'ETH', 'LONG'] }));
    await harness.putPrice({ asset: 'LONG', sources });
    await waitFor(async () => (await pod.get('/price?asset=LONG', key)).status === 200);
    const client = run('udp-client', ['--url', pod.url, 'LONG']);
    expect(await client.exited).toBe(0);
    expect(client.lines).toEqual([expect.objectContaining({ asset: 'LONG', sources })]);
  });

  test('asks three times with a session and three times with another one, then gives up', async () => {
    const deaf = createSocket('udp4');
    const heard: string[] = [];
    deaf.on('message', (bytes) => heard.push(bytes.toString()));
    deaf.bind(0, '127.0.0.1');
    await once(deaf, 'listening');
    const udp = `127.0.0.1:${deaf.address().port}`;
    const client = run('udp-client', ['--url', pod.url, '--udp', udp, '--wait-ms', '50', 'BTC']);
    expect(await client.exited).toBe(1);
    deaf.close();
    expect(client.complaints()).toContain('no answer in 3 tries; making another session');
    expect(client.complaints()).toContain(`no answer from UDP ${udp}`);
    const sessions = heard.map((text) => text.split(' ')[1]);
    expect(sessions).toHaveLength(6);
    expect(new Set(sessions.slice(0, 3)).size).toBe(1);
    expect(new Set(sessions).size).toBe(2);
    // Each is a request of its own: the same bytes again would be a replay.
    expect(new Set(heard.map((text) => text.split(' ')[4])).size).toBe(6);
  });

  test('asked without end, it waits for a server that is away', async () => {
    const deaf = createSocket('udp4');
    deaf.bind(0, '127.0.0.1');
    await once(deaf, 'listening');
    await using relay = await startRelay(deaf.address().port);
    const udp = `127.0.0.1:${relay.port}`;
    const args = ['--url', pod.url, '--udp', udp, '--wait-ms', '100', '--interval-ms', '1', '--count', '0', 'BTC'];
    const client = run('udp-client', args);
    await waitFor(() => client.complaints().includes('asking again'), 20_000);
    relay.switchTo((await createSession(pod, key)).port);
    await waitFor(() => client.lines.length > 3, 20_000);
    deaf.close();
  }, 60_000);

  test('asked without end, it waits while no session is to be had', async () => {
    let refusals = 0;
    const server = createServer((request, response) => {
      if (refusals < 2) {
        refusals += 1;
        response.writeHead(503, { 'content-type': 'text/html' }).end('<h1>no endpoints</h1>');
        return;
      }
      const headers = { authorization: String(request.headers.authorization) };
      void fetch(`${pod.url}${request.url}`, { method: 'POST', headers }).then(async (answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    // As listening on a port has it.
    const { port } = server.address() as AddressInfo;
    const client = run('udp-client', ['--url', `http://127.0.0.1:${port}`, '--count', '0', 'BTC']);
    await waitFor(() => client.lines.length > 1, 20_000);
    expect(client.complaints()).toContain('makes no session now: 503 <h1>no endpoints</h1>; asking again');
    server.close();
  }, 60_000);

  test('makes another session when its own is lost, and goes on', async () => {
    // What a balancer may do: from one moment on all goes to a server that has not seen the session yet.
    const other = await harness.startPod({ udpSecret: UDP_SECRET });
    const ports = await Promise.all([pod, other].map(async (each) => (await createSession(each, key)).port));
    await using relay = await startRelay(ports[0] ?? 0);
    const udp = `127.0.0.1:${relay.port}`;
    const args = ['--url', pod.url, '--udp', udp, '--wait-ms', '300', '--interval-ms', '1', '--count', '0', 'BTC'];
    const client = run('udp-client', args);
    await waitFor(() => client.lines.length > 3, 20_000);
    const names = await harness.valkey.bulk.call('KEYS', keyspace.udpSession.key({ session_id: '*' }));
    // As KEYS answers.
    await harness.valkey.bulk.call('DEL', ...(names as string[]));
    relay.switchTo(ports[1] ?? 0);
    await waitFor(() => client.complaints().includes('making another session'), 20_000);
    const before = client.lines.length;
    await waitFor(() => client.lines.length > before + 3, 20_000);
    await other.stop();
  }, 60_000);
});

interface Relay extends AsyncDisposable {
  readonly port: number;
  switchTo(port: number): void;
}

/** Hands the datagrams of one client on, and their answers back. */
async function startRelay(firstPort: number): Promise<Relay> {
  const [front, back] = [createSocket('udp4'), createSocket('udp4')];
  let target = firstPort;
  let client = 0;
  front.on('message', (bytes, { port }) => {
    client = port;
    back.send(bytes, target, '127.0.0.1');
  });
  back.on('message', (bytes) => front.send(bytes, client, '127.0.0.1'));
  const ready = [front, back].map((socket) => once(socket, 'listening'));
  front.bind(0, '127.0.0.1');
  back.bind(0, '127.0.0.1');
  await Promise.all(ready);
  return {
    port: front.address().port,
    switchTo: (port) => void (target = port),
    [Symbol.asyncDispose]() {
      front.close();
      back.close();
      return Promise.resolve();
    },
  };
}

describe('the client of streams', () => {
  test('prints each event as a line, as prices change', async () => {
    const client = run('sse-client', ['--url', pod.url, '--count', '3', 'BTC', 'ETH']);
    await waitFor(() => client.lines.length === 2, 20_000);
    const record = await harness.putPrice({ asset: 'ETH', priceText: '4321.5' });
    await harness.sendBatch({ number: 1, records: [record] });
    expect(await client.exited).toBe(0);
    expect(client.lines.map(({ event }) => event)).toEqual(['price', 'price', 'price']);
    expect(client.lines[2]).toMatchObject({ id: String(record.seq), data: { asset: 'ETH', price_text: '4321.5' } });
  });

  test('goes on with another stream from the last id when one ends, after the time that it was told', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers['last-event-id']?.toString());
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const id = asked.length * 7;
      response.end(`retry: 20\n\n: heartbeat\n\nevent: price\nid: ${id}\ndata: {"asset":"BTC"}\n\n`);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // An address, since it listens on a port.
    const { port } = server.address() as AddressInfo;
    const client = run('sse-client', ['--url', `http://127.0.0.1:${port}`, '--count', '3', 'BTC']);
    expect(await client.exited).toBe(0);
    expect(asked).toEqual([undefined, '7', '14']);
    expect(client.lines.map(({ id }) => id)).toEqual(['7', '14', '21']);
    server.close();
  });

  test('follows a server that stops, and comes back to it', async () => {
    const leaving = await harness.startPod();
    const client = run('sse-client', ['--url', leaving.url, 'BTC']);
    await waitFor(() => client.lines.length === 1, 20_000);
    await leaving.stop();
    await waitFor(() => client.lines.length === 2, 20_000);
    expect(client.lines[1]).toMatchObject({ event: 'end', data: { code: 'DRAINING' } });
    await waitFor(() => client.complaints().includes('the stream broke; again in'), 20_000);
  });

  test('says why its stream ended, and ends where another one would be refused too', async () => {
    const own = await harness.putKey();
    const client = run('sse-client', ['--url', pod.url, 'BTC'], own);
    await waitFor(() => client.lines.length === 1, 20_000);
    await revoke(own);
    expect(await client.exited).toBe(1);
    expect(client.lines[1]).toMatchObject({ event: 'end', data: { code: 'KEY_REVOKED' } });
    expect(client.complaints()).toContain('KEY_REVOKED');
  });
});
