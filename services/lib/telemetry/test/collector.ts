/** A collector as far as a test needs one: a real HTTP server that keeps what is posted to it. */
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Collector {
  readonly url: string;
  /** Bodies by path. */
  readonly received: readonly { readonly path: string; readonly body: unknown }[];
  /** Status of the next answers; `undefined` never answers. */
  status: number | undefined;
  stop(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const received: { path: string; body: unknown }[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      received.push({ path: request.url ?? '', body });
      if (collector.status === undefined) return;
      response.writeHead(collector.status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const collector: Collector = {
    url: `http://127.0.0.1:${port}`,
    received,
    status: 200,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return collector;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  return JSON.parse(await text(request)) as unknown;
}
