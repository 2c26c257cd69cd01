/** Every way a request can fail ends in a problem document, over a real connection. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { WeirError } from '@weir/errors';
import { sendProblem } from '@weir/http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer, stopServers, type Started } from './start-server.ts';

const asset = { type: 'string', pattern: '^[A-Z]{1,15}$', description: 'An asset such as BTC' };
const querystring = { type: 'object', required: ['asset'], additionalProperties: false, properties: { asset } };
const body = { type: 'object', required: ['mode'], properties: { mode: { type: 'string', enum: ['live', 'test'] } } };

let started: Started;

beforeEach(async () => {
  started = await startServer({ bodyLimitBytes: 100 }, (server) => {
    server.get('/price', { schema: { querystring } }, () => ({ ok: true }));
    server.post('/keys', { schema: { body } }, () => ({ ok: true }));
    server.get('/keys/:id', () => ({ ok: true }));
    server.get('/throws', () => {
      throw new Error('SELECT secret FROM key');
    });
    server.get('/rejects', () => Promise.reject(new TypeError('x is undefined')));
    server.get('/no-payload', (_request, reply) => reply.type('text/plain').send({ not: 'text' }));
    server.get('/unavailable', () => Promise.reject(new WeirError('VALKEY_TIMEOUT', { cause: new Error('10.0.0.7') })));
    server.get('/limited', (_request, reply) => {
      reply.header('retry-after', '7');
      return sendProblem(reply, { code: 'RATE_LIMITED', extensions: { limit: 'bucket' } });
    });
    server.get('/typed', { schema: { response: { 403: { type: 'object', properties: {} } } } }, (_request, reply) =>
      sendProblem(reply, new WeirError('POLICY_MISSING')),
    );
    server.get('/no-key', (_request, reply) => sendProblem(reply, { code: 'KEY_MISSING' }));
    server.get('/bad-key', (_request, reply) => sendProblem(reply, { code: 'KEY_REVOKED' }));
  });
});

afterEach(stopServers);

async function ask(
  path: string,
  init?: RequestInit,
): Promise<{ response: Response; problem: Record<string, unknown> }> {
  const response = await fetch(started.url + path, init);
  return { response, problem: (await response.json()) as Record<string, unknown> };
}

const post = (payload: string, type = 'application/json'): RequestInit => ({
  method: 'POST',
  body: payload,
  headers: { 'content-type': type },
});

describe('a problem', () => {
  it.each<[string, string, number, RequestInit?]>([
    ['/nowhere', 'NOT_FOUND', 404],
    ['/price?asset=b', 'INVALID_REQUEST', 400],
    ['/keys', 'INVALID_REQUEST', 400, post('{"mode":')],
    ['/keys', 'INVALID_REQUEST', 400, post('{}')],
    ['/keys', 'BODY_TOO_LARGE', 413, post(JSON.stringify({ mode: 'x'.repeat(200) }))],
    ['/keys', 'MEDIA_TYPE_UNSUPPORTED', 415, post('<a/>', 'text/xml')],
    ['/price', 'METHOD_NOT_ALLOWED', 405, post('{}')],
    ['/%zz', 'INVALID_REQUEST', 400],
    ['/throws', 'INTERNAL', 500],
    ['/rejects', 'INTERNAL', 500],
    ['/no-payload', 'INTERNAL', 500],
    ['/unavailable', 'VALKEY_TIMEOUT', 503],
    ['/limited', 'RATE_LIMITED', 429],
    ['/typed', 'POLICY_MISSING', 403],
  ])('answers %s with %s', async (path, code, status, init) => {
    const { response, problem } = await ask(path, init);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(problem).toMatchObject({ type: `/docs#${code}`, code, status });
    for (const member of ['title', 'detail', 'fix']) expect(problem[member]).toMatch(/\S/);
  });

  it('names every faulty field of a request, with its fix', async () => {
    const { problem } = await ask('/price?aset=BTC');
    expect(problem['errors']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          in: 'query',
          field: 'asset',
          fix: 'Add asset to the query. It is: An asset such as BTC',
        }),
        expect.objectContaining({ in: 'query', field: 'aset', fix: 'Remove aset: the query has no such field.' }),
      ]),
    );
    expect(problem['detail']).toContain('query asset');
  });

  it('names the limit of a body that is too large', async () => {
    const { problem } = await ask('/keys', post(JSON.stringify({ mode: 'x'.repeat(200) })));
    expect(problem['detail']).toBe('The body is larger than 100 bytes.');
  });

  it('names the methods of a route that was asked with another', async () => {
    const { response, problem } = await ask('/keys/1', { method: 'DELETE' });
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect(problem['detail']).toBe('This route takes GET, HEAD.');
  });

  it('hides the text of an unexpected error and ties the answer to its line in the log', async () => {
    const { problem } = await ask('/throws');
    expect(JSON.stringify(problem)).not.toContain('SELECT');
    const line = started.lines.find(({ msg }) => msg === 'request failed');
    expect(line).toMatchObject({
      level: 'error',
      route: '/throws',
      method: 'GET',
      code: 'INTERNAL',
      err: { message: 'SELECT secret FROM key' },
    });
    expect(problem['instance']).toBe(line?.['instance']);
    expect(problem['instance']).toMatch(/^urn:uuid:/);
  });

  it('keeps the cause of a WeirError in the log, as a warning', async () => {
    const { problem } = await ask('/unavailable');
    expect(JSON.stringify(problem)).not.toContain('10.0.0.7');
    expect(started.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'request refused', code: 'VALKEY_TIMEOUT' }),
    );
    expect(JSON.stringify(started.lines)).toContain('10.0.0.7');
  });

  it('logs a flood of failures as one line and counts them all', async () => {
    for (let n = 0; n < 20; n += 1) await ask('/throws');
    // A slow machine may take more than the second for which a line stands.
    expect(started.lines.filter(({ msg }) => msg === 'request failed').length).toBeLessThan(10);
    expect(await started.telemetry.scrape()).toContain('weir_http_server_errors_total{code="INTERNAL"} 20');
  });

  it('says when to come back, unless the route has said so', async () => {
    expect((await ask('/unavailable')).response.headers.get('retry-after')).toBe('1');
    expect((await ask('/limited')).response.headers.get('retry-after')).toBe('7');
    expect((await ask('/limited')).problem).toMatchObject({ limit: 'bucket' });
  });

  it('asks for a key as RFC 6750 says', async () => {
    expect((await ask('/no-key')).response.headers.get('www-authenticate')).toBe('Bearer realm="weir"');
    expect((await ask('/bad-key')).response.headers.get('www-authenticate')).toBe(
      'Bearer realm="weir", error="invalid_token"',
    );
  });

  it('writes nothing to the log for a good request or a fault of the caller', async () => {
    await fetch(`${started.url}/price?asset=BTC`);
    await ask('/nowhere');
    await ask('/price');
    expect(started.lines).toEqual([]);
  });
});

describe('what is no HTTP request', () => {
  it.each([
    ['a line of another protocol', 'PING\r\n\r\n', 400, 'INVALID_REQUEST'],
    ['headers of 20 KiB', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
  ])('is answered with a problem and an end: %s', async (_name, request, status, code) => {
    const socket = connect(started.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(request);
    const [head = '', content = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`));
    expect(head).toContain('Connection: close');
    expect(JSON.parse(content)).toMatchObject({ code, status });
  });
});
