/**
 * Says that the process of the simulated exchanges lives and has opened all of their ports, whatever faults they have: a
 * venue that is cut off on purpose must not have its pod restarted.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HealthServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** `port` 0: any free one. */
export async function startHealthServer(host: string, port: number): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const isAsked = request.url === '/livez' && request.method === 'GET';
    response.writeHead(isAsked ? 200 : 404, { 'content-type': 'application/json' });
    response.end(isAsked ? '{"status":"ok"}' : '{"error":"there is no such thing here"}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    // A server that listens on a TCP port has an AddressInfo; a text only belongs to a pipe.
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
