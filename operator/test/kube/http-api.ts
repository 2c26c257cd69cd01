/** An HTTP server that answers as a test says: for what happens between the client and the first byte of an answer. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '@weir/clock';
import { createTestTelemetry } from '@weir/testing';
import { createClientMetrics } from '../../src/kube/client-metrics.ts';
import { PooledKubeConfig } from '../../src/kube/pooled-kube-config.ts';
import { Transport } from '../../src/kube/transport.ts';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

export interface HttpApi extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** Ever accepted. */
  readonly connections: number;
}

export interface HttpApiOptions {
  readonly port?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** An answer of `undefined` never comes. */
export async function startHttpApi(
  answer: (request: Received) => Answer | undefined,
  { port = 0, tls }: HttpApiOptions = {},
): Promise<HttpApi> {
  const received: Received[] = [];
  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = request;
    const seen = { method, url, headers, body: await text(request) };
    received.push(seen);
    const given = answer(seen);
    if (given === undefined) return;
    response.writeHead(given.status ?? 200, { 'content-type': 'application/json', ...given.headers });
    response.end(typeof given.body === 'string' ? given.body : JSON.stringify(given.body ?? {}));
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => void onRequest(request, response);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  let connections = 0;
  server.on('connection', () => (connections += 1));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on TCP has this address.
  const { port: actualPort } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${actualPort}`,
    port: actualPort,
    received,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export interface Login {
  readonly caFile?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

export function kubeConfigOf(server: string, { caFile, token, tokenFile }: Login = {}): KubeConfig {
  const config = new KubeConfig();
  const trust = caFile === undefined ? { skipTLSVerify: true } : { skipTLSVerify: false, caFile };
  const login = tokenFile === undefined ? {} : { authProvider: { name: 'tokenFile', config: { tokenFile } } };
  config.loadFromClusterAndUser(
    { name: 'test', server, ...trust },
    { name: 'test', ...(token !== undefined && { token }), ...login },
  );
  return config;
}

export interface OpenTransport extends AsyncDisposable {
  readonly transport: Transport;
  /** Of the same login, for the Lease. */
  readonly leaseTransport: Transport;
  readonly metrics: ReturnType<typeof createClientMetrics>;
  scrape(): Promise<string>;
}

export function openTransport(config: KubeConfig, clock: Clock): OpenTransport {
  const telemetry = createTestTelemetry();
  const metrics = createClientMetrics(telemetry);
  const pooled = new PooledKubeConfig(config, clock, 'weir-operator/1.2.3');
  return {
    transport: new Transport({ config: pooled, clock, metrics }),
    leaseTransport: new Transport({ config: pooled, clock, metrics, pool: 'lease' }),
    metrics,
    scrape: () => telemetry.scrape(),
    async [Symbol.asyncDispose]() {
      await pooled.close();
      await telemetry.close();
    },
  };
}
