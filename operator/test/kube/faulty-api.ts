/** An HTTP proxy in front of a real API server, by which a test makes the server fail in the ways that servers do. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as requestTls, type RequestOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KubeConfig } from '@kubernetes/client-node';
import { kubeConfigOf } from './http-api.ts';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly userAgent: string | undefined;
}

interface Refusal {
  readonly match: RegExp;
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  left: number;
}

interface OpenWatch {
  readonly response: ServerResponse;
  readonly upstream: IncomingMessage;
}

export class FaultyApi implements AsyncDisposable {
  readonly #options: RequestOptions;
  readonly #server: URL;
  readonly #proxy = createServer((request, response) => void this.#serve(request, response));
  readonly #refusals: Refusal[] = [];
  readonly #watches = new Set<OpenWatch>();
  readonly seen: SeenRequest[] = [];
  /** Every connection is broken as soon as it asks for something. */
  isAway = false;
  /** Asked for in place of what clients ask for. */
  rewrite: (url: string) => string = (url) => url;

  private constructor(server: URL, options: RequestOptions) {
    this.#server = server;
    this.#options = options;
  }

  static async start(config: KubeConfig): Promise<FaultyApi> {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const api = new FaultyApi(new URL(config.getCurrentCluster()?.server ?? ''), options);
    api.#proxy.listen(0, '127.0.0.1');
    await once(api.#proxy, 'listening');
    return api;
  }

  get url(): string {
    // A server that listens on TCP has this address.
    const { port } = this.#proxy.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** To reach the server through here; the login is that of the proxy. */
  get kubeConfig(): KubeConfig {
    return kubeConfigOf(this.url);
  }

  /** Open now. */
  get watches(): number {
    return this.#watches.size;
  }

  /** `<method> <path and query>` of what was asked for since the last call. */
  told(match = /./): readonly string[] {
    return this.seen
      .splice(0)
      .map(({ method, url }) => `${method} ${url}`)
      .filter((line) => match.test(line));
  }

  /** The next `times` requests that match `<method> <url>` are answered by a Status. */
  refuse(match: RegExp, status: number, reason: string, more: { times?: number; retryAfter?: string } = {}): void {
    const { times = 1, retryAfter } = more;
    const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
    this.#refusals.push({ match, status, reason, headers, left: times });
  }

  /** A line in every open watch, as if the server had sent it. */
  inject(event: object): void {
    for (const { response } of this.#watches) response.write(`${JSON.stringify(event)}\n`);
  }

  /** Every open watch ends in good order. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end();
  }

  /** Every open watch breaks. */
  cutWatches(): void {
    for (const { response } of this.#watches) response.destroy();
  }

  /** Nothing comes any more in the watches that are open now. */
  silenceWatches(): void {
    for (const { upstream, response } of this.#watches) {
      upstream.unpipe(response);
      upstream.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#proxy, 'close');
    this.#proxy.close();
    this.#proxy.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '' } = request;
    this.seen.push({ method, url, userAgent: request.headers['user-agent'] });
    if (this.isAway) {
      response.destroy();
      return;
    }
    const refusal = this.#refusals.find(({ match, left }) => left > 0 && match.test(`${method} ${url}`));
    if (refusal !== undefined) {
      refusal.left -= 1;
      answer(response, refusal);
      return;
    }
    this.#forward(request, response, this.rewrite(url));
  }

  #forward(request: IncomingMessage, response: ServerResponse, path: string): void {
    // The login is the client certificate of the proxy.
    const { authorization: _login, ...sent } = request.headers;
    const headers = { ...sent, host: this.#server.host };
    const target = { host: this.#server.hostname, port: this.#server.port, method: request.method, path, headers };
    const onward = requestTls({ ...this.#options, ...target }, (upstream) => {
      response.writeHead(upstream.statusCode ?? 502, upstream.headers);
      response.flushHeaders();
      upstream.pipe(response);
      upstream.on('error', () => response.destroy());
      if (path.includes('watch=true')) this.#note({ response, upstream });
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }

  #note(watch: OpenWatch): void {
    this.#watches.add(watch);
    watch.response.on('close', () => this.#watches.delete(watch));
  }
}

function answer(response: ServerResponse, { status, reason, headers }: Refusal): void {
  const body = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    code: status,
    reason,
    message: reason,
  };
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
