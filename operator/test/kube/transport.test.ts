/** One call over real sockets: how many connections, how long, and what comes of its failures. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '@weir/clock';
import { createFakeClock, createTestCertificate, startProxy } from '@weir/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KubeError } from '../../src/kube/kube-error.ts';
import { kubeConfigOf, openTransport, startHttpApi } from './http-api.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-kube-'));
});
afterAll(() => rm(folder, { recursive: true }));

const GET = { method: 'GET', path: '/api/v1/pods' } as const;
const PUT = { method: 'PUT', path: '/api/v1/namespaces/a/pods/b', body: { a: 1 } } as const;

describe('a transport', () => {
  it('sends all calls over a connection or two, with login and user agent', async () => {
    await using api = await startHttpApi(() => ({ body: { kind: 'PodList' } }));
    await using open = openTransport(kubeConfigOf(`${api.url}/prefix/`, { token: 'secret' }), systemClock);
    for (let n = 0; n < 50; n += 1) expect(await open.transport.send(GET)).toEqual({ kind: 'PodList' });
    // The first is handed back just after its answer; no third one is ever needed.
    expect(api.connections).toBeLessThanOrEqual(2);
    expect(api.received[49]).toMatchObject({
      method: 'GET',
      url: '/prefix/api/v1/pods',
      headers: { authorization: 'Bearer secret', 'user-agent': 'weir-operator/1.2.3', accept: 'application/json' },
    });
    expect(await open.scrape()).toContain(
      `rest_client_requests_total{method="GET",code="200",host="127.0.0.1:${api.port}"} 50`,
    );
  });

  it('lets calls through whatever number of watches, and the Lease through whatever number of calls', async () => {
    await using api = await startHttpApi(({ url }) => (url.includes('hang') ? undefined : { body: { kind: 'Lease' } }));
    await using open = openTransport(kubeConfigOf(api.url), systemClock);
    const end = new AbortController();
    const hanging = { method: 'GET', path: '/hang', signal: end.signal, timeoutMs: 60_000 } as const;
    const watches = Array.from({ length: 100 }, () => open.transport.open(hanging).catch(() => undefined));
    await expect.poll(() => api.received.length).toBe(100);
    expect(await open.transport.send({ ...GET, timeoutMs: 2_000 })).toEqual({ kind: 'Lease' });
    const calls = Array.from({ length: 100 }, () => open.transport.send(hanging).catch(() => undefined));
    await expect.poll(() => api.received.length).toBeGreaterThan(160);
    expect(await open.leaseTransport.send({ ...PUT, timeoutMs: 2_000 })).toEqual({ kind: 'Lease' });
    end.abort(new Error('over'));
    await Promise.all([...watches, ...calls]);
  });

  it('gives up a call that hangs, and frees its connection', async () => {
    await using api = await startHttpApi(({ method }) => (method === 'GET' ? undefined : { body: { kind: 'Pod' } }));
    await using open = openTransport(kubeConfigOf(api.url), systemClock);
    await expect(open.transport.send({ ...GET, timeoutMs: 50 })).rejects.toMatchObject({ kind: 'timeout', code: 0 });
    expect(await open.transport.send(PUT)).toEqual({ kind: 'Pod' });
    expect(await open.scrape()).toContain('code="<error>"');
  });

  it('gives up a call whose answer stops half-way', async () => {
    await using api = await startHttpApi(() => ({ headers: { 'content-length': '1000' }, body: '{"kind":' }));
    await using open = openTransport(kubeConfigOf(api.url), systemClock);
    await expect(open.transport.send({ ...GET, timeoutMs: 100 })).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('tells apart who gave up: the caller, or the network', async () => {
    await using api = await startHttpApi(() => undefined);
    await using open = openTransport(kubeConfigOf(api.url), systemClock);
    const caller = new AbortController();
    const call = open.transport.send({ ...GET, signal: caller.signal });
    caller.abort(new Error('stopping'));
    await expect(call).rejects.toMatchObject({ kind: 'aborted' });
    await expect(open.transport.send({ ...GET, signal: caller.signal })).rejects.toMatchObject({ kind: 'aborted' });
    await using gone = openTransport(kubeConfigOf('http://127.0.0.1:1'), systemClock);
    await expect(gone.transport.send(GET)).rejects.toMatchObject({ kind: 'unavailable', code: 0 });
  });

  it('reads how long a refusing server wants to be left alone', async () => {
    const body = { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'slow down' };
    await using api = await startHttpApi(() => ({ status: 429, headers: { 'retry-after': '4' }, body }));
    await using open = openTransport(kubeConfigOf(api.url), systemClock);
    await expect(open.transport.send(GET)).rejects.toMatchObject({ kind: 'throttled', retryAfterMs: 4_000 });
  });

  it('takes an answer that is no JSON for a server in trouble', async () => {
    await using api = await startHttpApi(() => ({ body: '<html>' }));
    await using open = openTransport(kubeConfigOf(api.url), systemClock);
    await expect(open.transport.send(GET)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('keeps a write back whose guard closes after the call began and before its first byte', async () => {
    await using api = await startHttpApi(() => ({ body: {} }));
    await using proxy = await startProxy({ port: api.port });
    await using open = openTransport(kubeConfigOf(`http://127.0.0.1:${proxy.port}`), systemClock);
    let asked = 0;
    const guard = (): void => {
      asked += 1;
      if (asked === 2) throw new KubeError({ kind: 'fenced', message: 'not the leader any more' });
    };
    await expect(open.transport.send({ ...PUT, guard })).rejects.toMatchObject({ kind: 'fenced' });
    expect([asked, api.received]).toEqual([2, []]);
    // The connection, if any, is as good as before.
    await open.transport.send({ ...PUT, guard });
    expect(api.received).toHaveLength(1);
  });

  it('trusts a new authority soon after its file changes, and no longer the old one', async () => {
    const [before, after] = [createTestCertificate(), createTestCertificate()];
    const caFile = path.join(folder, 'ca.crt');
    await writeFile(caFile, before.cert);
    const clock = createFakeClock();
    const first = await startHttpApi(() => ({ body: {} }), { tls: before });
    await using open = openTransport(kubeConfigOf(first.url, { caFile }), clock);
    await open.transport.send(GET);
    await first[Symbol.asyncDispose]();
    await using second = await startHttpApi(() => ({ body: {} }), { tls: after, port: first.port });
    await expect(open.transport.send(GET)).rejects.toMatchObject({ kind: 'unavailable' });
    await writeFile(caFile, after.cert);
    await clock.advance(10_000);
    await open.transport.send(GET);
    expect(second.received).toHaveLength(1);
  });

  it('fails the one call, and nothing else, while the login cannot be read (pitfall 7)', async () => {
    const tokenFile = path.join(folder, 'token');
    await using api = await startHttpApi(() => ({ body: {} }));
    await using open = openTransport(kubeConfigOf(api.url, { tokenFile }), systemClock);
    await expect(open.transport.send(GET)).rejects.toMatchObject({ kind: 'unauthorized', code: 0 });
    await expect(open.transport.open(GET)).rejects.toMatchObject({ kind: 'unauthorized' });
    await writeFile(tokenFile, 'fresh');
    await open.transport.send(GET);
    expect(api.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer fresh']);
  });

  it('reads the login again after the server turned it down', async () => {
    let isKnown = false;
    await using api = await startHttpApi(() => (isKnown ? { body: {} } : { status: 401, body: {} }));
    const config = kubeConfigOf(api.url, { token: 'old' });
    await using open = openTransport(config, systemClock);
    await expect(open.transport.send(GET)).rejects.toMatchObject({ kind: 'unauthorized', code: 401 });
    config.loadFromClusterAndUser(
      { name: 'test', server: api.url, skipTLSVerify: true },
      { name: 'test', token: 'new' },
    );
    isKnown = true;
    await open.transport.send(GET);
    expect(api.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
  });
});
