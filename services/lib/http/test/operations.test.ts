/** Health, metrics and documentation, as an operator and Kubernetes see them. */
import { afterEach, describe, expect, it } from 'vitest';
import { startServer, stopServers } from './start-server.ts';

afterEach(stopServers);

const json = async (url: string): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
};

describe('/livez', () => {
  it('answers while the process starts', async () => {
    const { url } = await startServer();
    expect(await json(`${url}/livez`)).toEqual({ status: 200, body: { status: 'ok' } });
  });

  it('says what only a restart mends', async () => {
    let verdict: true | string = true;
    const { url } = await startServer({ alive: () => verdict });
    expect(await json(`${url}/livez`)).toEqual({ status: 200, body: { status: 'ok' } });
    verdict = 'The event loop stood still for 12000 ms.';
    expect(await json(`${url}/livez`)).toMatchObject({ status: 500, body: { code: 'INTERNAL', detail: verdict } });
  });
});

describe('/readyz', () => {
  it('follows the lifecycle when nothing else is asked', async () => {
    const { url, lifecycle } = await startServer();
    expect(await json(`${url}/readyz`)).toMatchObject({ status: 503, body: { code: 'STARTING' } });
    lifecycle.markReady();
    expect(await json(`${url}/readyz`)).toEqual({ status: 200, body: { status: 'ready' } });
  });

  it('says what is missing before the first warm-up, and never fails for it again', async () => {
    let verdict: boolean | string = 'no policies yet';
    const { url } = await startServer({ ready: () => verdict });
    expect(await json(`${url}/readyz`)).toMatchObject({
      status: 503,
      body: { code: 'STARTING', detail: 'no policies yet' },
    });
    verdict = true;
    expect(await json(`${url}/readyz`)).toEqual({ status: 200, body: { status: 'ready' } });
    verdict = 'Valkey is away';
    expect(await json(`${url}/readyz`)).toEqual({ status: 200, body: { status: 'ready', detail: 'Valkey is away' } });
    verdict = false;
    expect(await json(`${url}/readyz`)).toEqual({ status: 200, body: { status: 'ready' } });
  });

  it('fails for as long as the process pauses, however warm it is', async () => {
    let pause: string | undefined;
    const { url } = await startServer({ ready: () => true, paused: () => pause });
    expect(await json(`${url}/readyz`)).toMatchObject({ status: 200 });
    pause = 'comparing';
    const detail = { code: 'STARTING', detail: 'comparing' };
    expect(await json(`${url}/readyz`)).toMatchObject({ status: 503, body: detail });
    pause = undefined;
    expect(await json(`${url}/readyz`)).toMatchObject({ status: 200 });
  });
});

describe('/health', () => {
  it('is what the process says, or its state', async () => {
    const { url } = await startServer();
    expect((await json(`${url}/health`)).body).toEqual({ status: 'starting', service: 'test' });
    const told = await startServer({ health: () => ({ queue: { queued: 3 } }) });
    expect((await json(`${told.url}/health`)).body).toEqual({ queue: { queued: 3 } });
  });
});

describe('/metrics', () => {
  it('is what telemetry has to scrape', async () => {
    const { url, telemetry } = await startServer();
    telemetry.counter('weir.test', { description: 'Test' }).add(5);
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toContain('weir_test_total 5\n');
  });
});

describe('/openapi.json and /docs', () => {
  it('describe every route that was added after the server was made', async () => {
    const querystring = { type: 'object', required: ['asset'], properties: { asset: { type: 'string' } } };
    const { url } = await startServer({ openapi: { title: 'Price', version: '1.2.3' } }, (server) => {
      server.get('/price', { schema: { summary: 'One price', querystring, security: [{ apiKey: [] }] } }, () => ({}));
    });
    const { body } = await json(`${url}/openapi.json`);
    expect(body).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Price', version: '1.2.3' },
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
      paths: {
        '/price': {
          get: {
            summary: 'One price',
            parameters: [{ name: 'asset', in: 'query', required: true }],
            responses: {
              default: {
                content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
              },
            },
          },
        },
        '/livez': {},
        '/readyz': {},
        '/health': {},
        '/metrics': {},
        '/openapi.json': {},
        '/docs': {},
      },
    });
    expect(body).not.toHaveProperty(['paths', '/']);
    const page = await fetch(url);
    expect(page.url).toBe(`${url}/docs`);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await page.text();
    for (const path of Object.keys((body as { paths: object }).paths)) expect(html).toContain(`GET ${path}`);
  });
});
