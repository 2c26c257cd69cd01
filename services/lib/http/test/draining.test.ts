/** What clients see while a process stops, and what a port that is taken looks like. */
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { isWeirError } from '@weir/errors';
import { listen } from '@weir/http';
import { createLifecycle } from '@weir/lifecycle';
import { createLogger } from '@weir/telemetry';
import { createFakeClock, waitFor } from '@weir/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { createServer, startServer, stopServers, type Started } from './start-server.ts';

afterEach(stopServers);

const ask = async (url: string, agent: Agent): Promise<IncomingMessage> => {
  // The signature of `once` cannot say what the event carries.
  const [response] = (await once(get(url, { agent }), 'response')) as [IncomingMessage];
  return response;
};

/** A server with a route that answers when told to. */
async function startSlow(): Promise<Started & { finish(): void; asked(): string }> {
  const gate = Promise.withResolvers<void>();
  let asked = '';
  const started = await startServer({}, (server) => {
    server.get('/fast', () => {
      asked += '/fast';
      return { fast: true };
    });
    server.get('/slow', async () => {
      asked += '/slow';
      await gate.promise;
      return { slow: true };
    });
  });
  return { ...started, finish: gate.resolve, asked: () => asked };
}

describe('a stop', () => {
  it('finishes the request in flight, then closes its connection and the server', async () => {
    const { url, lifecycle, lines, finish, asked } = await startSlow();
    const agent = new Agent({ keepAlive: true });
    const answer = ask(`${url}/slow`, agent);
    await waitFor(() => asked() === '/slow');
    let isStopped = false;
    const stopped = lifecycle.stop('test').then(() => (isStopped = true));
    await expect(fetch(`${url}/fast`)).rejects.toThrow('fetch failed');
    expect(isStopped).toBe(false);
    finish();
    const response = await answer;
    expect(response.statusCode).toBe(200);
    expect(JSON.parse(await text(response))).toEqual({ slow: true });
    await stopped;
    // Not at the deadline: the client would keep the connection for the whole keep-alive time.
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'stopped', isClean: true }));
    agent.destroy();
  });

  it('answers who asks on a connection that was idle, and tells that it ends there', async () => {
    const { url, lifecycle } = await startSlow();
    const agent = new Agent({ keepAlive: true });
    const before = await ask(`${url}/fast`, agent);
    const { socket } = before;
    await text(before);
    await waitFor(() => Object.keys(agent.freeSockets).length === 1);
    const stopped = lifecycle.stop('test');
    await expect(fetch(`${url}/fast`)).rejects.toThrow('fetch failed');
    const after = await ask(`${url}/fast`, agent);
    expect(after.socket).toBe(socket);
    expect(after.statusCode).toBe(200);
    expect(after.headers.connection).toBe('close');
    after.resume();
    await stopped;
    agent.destroy();
  });

  it('closes connections that stay idle', async () => {
    const { url, lifecycle } = await startSlow();
    const agent = new Agent({ keepAlive: true });
    const response = await ask(`${url}/fast`, agent);
    const { socket } = response;
    response.resume();
    const closed = once(socket, 'close');
    await lifecycle.stop('test');
    await closed;
    agent.destroy();
  });

  it('answers a request that came on an open connection, and ends that connection', async () => {
    const { port, lifecycle, finish, asked } = await startSlow();
    const socket = connect(port, '127.0.0.1');
    const received = text(socket);
    socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
    await waitFor(() => asked() === '/slow');
    const stopped = lifecycle.stop('test');
    await waitFor(() => lifecycle.state === 'draining');
    socket.write('GET /fast HTTP/1.1\r\nhost: x\r\n\r\n');
    await waitFor(() => asked() === '/slow/fast');
    finish();
    await stopped;
    const answers = await received;
    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(answers.split('{"slow":true}')[1]).toMatch(/connection: close/i);
  });

  it('is not held up by a peer that sent what is no request and never closes its side', async () => {
    const { port, server, lifecycle, lines } = await startServer();
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    // Read by hand: what reads a stream to its end for us would close it there.
    const received: string[] = [];
    socket.setEncoding('utf8').on('data', (part: string) => void received.push(part));
    socket.write('no request\r\n\r\n');
    await once(socket, 'end');
    expect(received.join('')).toMatch(/^HTTP\/1\.1 400 /);
    const connections = promisify((done: Parameters<typeof server.server.getConnections>[0]) =>
      server.server.getConnections(done),
    );
    await waitFor(async () => (await connections()) === 0);
    await lifecycle.stop('test');
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'stopped', isClean: true }));
    socket.destroy();
  });

  it('cuts off shortly before its deadline what does not end by itself', async () => {
    const clock = createFakeClock();
    const lines: string[] = [];
    const logger = createLogger({ service: 'test', destination: { write: (line: string) => void lines.push(line) } });
    const lifecycle = createLifecycle({ clock, logger, stopDeadlineMs: 10_000 });
    let isAsked = false;
    const { port } = await startServer({ clock, lifecycle }, (server) => {
      server.get('/never', () => {
        isAsked = true;
        return new Promise(() => undefined);
      });
    });
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
    await waitFor(() => isAsked);
    const stopped = lifecycle.stop('test');
    await clock.advance(8_999);
    expect(socket.closed).toBe(false);
    const closed = once(socket, 'close');
    await clock.advance(1);
    await closed;
    await stopped;
    expect(lines.at(-1)).toContain('"isClean":true');
  });

  it('makes /readyz fail before the port closes', async () => {
    const { url, lifecycle } = await startSlow();
    lifecycle.markReady();
    let status: number | undefined;
    let body: unknown;
    lifecycle.onStop('looks', async () => {
      const response = await fetch(`${url}/readyz`);
      status = response.status;
      body = await response.json();
    });
    await lifecycle.stop('test');
    expect({ status, body }).toMatchObject({ status: 503, body: { code: 'DRAINING' } });
  });
});

describe('keep-alive', () => {
  it('outlasts the idle time of load balancers', async () => {
    const { url } = await startSlow();
    const response = await fetch(`${url}/fast`);
    expect(Number(/timeout=(\d+)/.exec(response.headers.get('keep-alive') ?? '')?.[1])).toBeGreaterThan(600);
  });
});

describe('listen', () => {
  it('says which port is taken and which setting changes it', async () => {
    const blocker = createTcpServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const address = blocker.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { server } = createServer();
    const error: unknown = await listen(server, { host: '127.0.0.1', port, portSetting: 'WEIR_PRICE_PORT' }).catch(
      (err: unknown) => err,
    );
    expect(isWeirError(error, 'PORT_IN_USE')).toBe(true);
    expect(String(error)).toContain(`Port ${port} of 127.0.0.1 is in use`);
    expect(String(error)).toContain('set WEIR_PRICE_PORT to another port');
    blocker.close();
  });

  it('says that an address is not of this machine', async () => {
    const { server } = createServer();
    await expect(listen(server, { host: '192.0.2.1', port: 0 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('gives an address that a client on this machine can ask', async () => {
    const { server } = createServer();
    const { url } = await listen(server, { host: '0.0.0.0', port: 0 });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });
});
