/** The process as it is started: what it says of itself while nothing that it needs is there, and how it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '@weir/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHttpApi, type HttpApi } from './kube/http-api.ts';

const MAIN = path.join(import.meta.dirname, '../src/main.ts');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-operator-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function writeKubeConfig(server: string): Promise<string> {
  const file = path.join(folder, 'config');
  const config = {
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'not-to-be-seen' } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

async function start(server: string) {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      WEIR_NODE_NAME: 'operator-0',
      WEIR_OPERATOR_NAMESPACE: 'weir',
      WEIR_FEED_IMAGE: 'weir:1',
      WEIR_HTTP_HOST: '127.0.0.1',
      WEIR_HTTP_PORT: '0',
      WEIR_VALKEY_URL: 'redis://127.0.0.1:1',
      WEIR_POSTGRES_URL: 'postgres://weir@127.0.0.1:1/weir',
      KUBECONFIG: await writeKubeConfig(server),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const listening = await waitFor(() => lines.find((line) => line.includes('"listening"')), 20_000);
  const url = /"url":"([^"]+)"/.exec(listening)?.[1] ?? '';
  const ask = async (route: string): Promise<{ readonly status: number; readonly body: string }> => {
    const response = await fetch(`${url}${route}`);
    return { status: response.status, body: await response.text() };
  };
  return { child, exited, lines, ask, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

describe('the process', () => {
  it('is alive and not ready without an API server, says what is missing, and ends in good order', async () => {
    using operator = await start('http://127.0.0.1:1');
    await waitFor(async () => (await operator.ask('/readyz')).body.includes('ECONNREFUSED'));
    expect((await operator.ask('/readyz')).body).toMatch(/Not read yet from the API server: .*PriceFeed/);
    expect((await operator.ask('/livez')).status).toBe(200);
    expect(JSON.parse((await operator.ask('/health')).body)).toMatchObject({ status: 'starting', isLeader: false });
    expect((await operator.ask('/metrics')).body).toContain('leader_election_master_status{name="weir-operator"} 0');
    operator.child.kill('SIGTERM');
    expect(await operator.exited).toEqual([0, null]);
    expect(operator.lines.join('\n')).not.toContain('not-to-be-seen');
  });

  it('does not stand for leadership without the right to read', async () => {
    const forbidden = { kind: 'Status', code: 403, reason: 'Forbidden', message: 'pods is forbidden' };
    await using api: HttpApi = await startHttpApi(() => ({ status: 403, body: forbidden }));
    using operator = await start(api.url);
    await waitFor(async () => (await operator.ask('/readyz')).body.includes('pods is forbidden'));
    expect(api.received.filter(({ url }) => url.includes('/leases'))).toEqual([]);
    expect(api.received.every(({ method }) => method === 'GET')).toBe(true);
    operator.child.kill('SIGTERM');
    expect(await operator.exited).toEqual([0, null]);
  });
});
