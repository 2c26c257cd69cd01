/** A policy that was edited: in force within 2 s, on leases too, and after a stall before anything else is answered. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '@weir/clock';
import { waitFor } from '@weir/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { feedDocument, policyDocument, startHarness, type Harness, type Pod } from './harness.ts';

const MAIN = path.join(import.meta.dirname, '..', 'src', 'main.ts');
const IN_FORCE_MS = 2_000;

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
  await harness.publishFeeds(feedDocument());
  await harness.publishPolicies(policyDocument());
  await harness.putPrice();
}, 60_000);

afterAll(() => harness.stop());

const elapsedSince = (startMs: number): number => systemClock.monotonicMs() - startMs;

describe('an edited limit', () => {
  test('rules keys that hold leases under the old one, on every pod, within 2 s', async () => {
    const wide = policyDocument({
      policy: 'weir/edited',
      tier: 'edited',
      limits: { requestsPerSecond: 5_000, burst: 5_000 },
    });
    await harness.publishPolicies(wide);
    const pods = await Promise.all([harness.startPod(), harness.startPod()]);
    const key = await harness.putKey({ tier: 'edited' });
    const ask = async (pod: Pod): Promise<number> => (await pod.get('/price?asset=BTC', key)).status;
    for (let call = 0; call < 50; call += 1) await Promise.all(pods.map(ask));
    expect(await Promise.all(pods.map(ask))).toEqual([200, 200]);
    const editedMs = systemClock.monotonicMs();
    await harness.publishPolicies({ ...wide, limits: { requestsPerSecond: 0.001, burst: 1 } });
    while (elapsedSince(editedMs) < IN_FORCE_MS) await Promise.all(pods.map(ask));
    const after = await Promise.all(Array.from({ length: 20 }, () => Promise.all(pods.map(ask))));
    expect(new Set(after.flat())).toEqual(new Set([429]));
    await Promise.all(pods.map((pod) => pod.stop()));
  });

  test('that was raised admits within 2 s whom the old one refused', async () => {
    const narrow = policyDocument({
      policy: 'weir/raised',
      tier: 'raised',
      limits: { requestsPerSecond: 0.001, burst: 1 },
    });
    await harness.publishPolicies(narrow);
    const pod = await harness.startPod();
    const key = await harness.putKey({ tier: 'raised' });
    const ask = async (): Promise<number> => (await pod.get('/price?asset=BTC', key)).status;
    expect([await ask(), await ask()]).toEqual([200, 429]);
    await harness.publishPolicies({ ...narrow, limits: { requestsPerSecond: 1_000, burst: 1_000 } });
    await waitFor(async () => (await ask()) === 200, IN_FORCE_MS);
    await pod.stop();
  });
});

interface Process {
  readonly child: ChildProcess;
  readonly url: URL;
}

async function startProcess(): Promise<Process> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      WEIR_NODE_NAME: 'price-stalled',
      WEIR_HTTP_HOST: '127.0.0.1',
      WEIR_HTTP_PORT: '0',
      // Nobody listens there, and nobody is asked: the key is in Valkey.
      WEIR_POSTGRES_URL: 'postgres://127.0.0.1:1/none',
      REDIS_URL: harness.server.url,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const listening = await waitFor(() => lines.find((line) => line.includes('"listening"')), 20_000);
  const url = new URL(/"url":"([^"]+)"/.exec(listening)?.[1] ?? '');
  await waitFor(async () => (await fetch(new URL('/readyz', url))).status === 200);
  return { child, url };
}

/** A connection that is open before the stall: what is sent over it lies there when the process wakes. */
async function connect({ hostname, port }: URL): Promise<Socket & { received: string }> {
  const socket = Object.assign(createConnection({ host: hostname, port: Number(port) }), { received: '' });
  socket.setEncoding('utf8').on('data', (data: string) => void (socket.received += data));
  await once(socket, 'connect');
  return socket;
}

const requestFor = (target: string, key: string): string =>
  `GET ${target} HTTP/1.1\r\nHost: price\r\nAuthorization: Bearer ${key}\r\n\r\n`;
const statusesIn = (received: string): readonly string[] =>
  [...received.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, code]) => code ?? '');

describe('a process that was stopped while a policy was edited', () => {
  test('answers nothing by the old policy when it wakes, and is not ready until it has compared', async () => {
    const edited = policyDocument({ policy: 'weir/stalled', tier: 'stalled', limits: {} });
    await harness.publishPolicies(edited);
    const key = await harness.putKey({ tier: 'stalled' });
    const { child, url } = await startProcess();
    try {
      const sockets = await Promise.all(Array.from({ length: 4 }, () => connect(url)));
      const [probe] = sockets;
      for (const socket of sockets) socket.write(requestFor('/price?asset=BTC', key));
      await waitFor(() => sockets.every(({ received }) => statusesIn(received).length === 1));
      expect(sockets.flatMap(({ received }) => statusesIn(received))).toEqual(['200', '200', '200', '200']);
      for (const socket of sockets) socket.received = '';

      child.kill('SIGSTOP');
      const stoppedMs = systemClock.monotonicMs();
      await harness.publishPolicies({ ...edited, suspend: true });
      await waitFor(() => elapsedSince(stoppedMs) > 1_800);
      probe?.write(requestFor('/readyz', key));
      for (const socket of sockets.slice(1)) socket.write(requestFor('/price?asset=BTC', key));
      child.kill('SIGCONT');

      await waitFor(() => sockets.every(({ received }) => statusesIn(received).length === 1));
      expect(sockets.flatMap(({ received }) => statusesIn(received))).toEqual(['503', '403', '403', '403']);
      expect(probe?.received).toContain('after a stall');
      await waitFor(async () => (await fetch(new URL('/readyz', url))).status === 200);
      for (const socket of sockets) socket.destroy();
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('goes on with the policies that it has when Valkey does not answer either', async () => {
    const policy = policyDocument({ policy: 'weir/away', tier: 'away', limits: {} });
    await harness.publishPolicies(policy);
    const key = await harness.putKey({ tier: 'away' });
    const { child, url } = await startProcess();
    const ask = async (target: string): Promise<number> =>
      (await fetch(new URL(target, url), { headers: { authorization: `Bearer ${key}` } })).status;
    try {
      expect(await ask('/price?asset=BTC')).toBe(200);
      child.kill('SIGSTOP');
      const stoppedMs = systemClock.monotonicMs();
      harness.server.hang();
      await waitFor(() => elapsedSince(stoppedMs) > 1_800);
      child.kill('SIGCONT');
      await waitFor(async () => (await ask('/readyz')) === 200);
      expect(await ask('/price?asset=BTC')).toBe(200);
    } finally {
      harness.server.resume();
      child.kill('SIGKILL');
    }
  });
});
