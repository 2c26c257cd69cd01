import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@weir/clock';
import { waitFor } from '@weir/testing';
import { afterEach, expect, test } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { createFrameTurns } from '../src/connect/frame-turns.ts';
import { createSocketOpener, openWebSocket, type SocketFailure } from '../src/connect/socket.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A real server; `onSocket` sees every accepted connection. */
async function startServer(onSocket: (socket: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  cleanups.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', onSocket);
  await new Promise((resolve) => server.once('listening', resolve));
  // A server that listens on a port has an AddressInfo.
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers every upgrade with this HTTP response. */
async function startRefusal(status: number, headers: Record<string, string>): Promise<string> {
  const server = createServer();
  cleanups.push(() => server.close());
  server.on('upgrade', (_request, socket) => {
    const lines = Object.entries({ ...headers, 'content-length': '0' }).map(([name, value]) => `${name}: ${value}`);
    socket.end([`HTTP/1.1 ${status} Refused`, ...lines, '', ''].join('\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // As above.
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function open(url: string, handshakeTimeoutMs = 10_000) {
  const said: string[] = [];
  const failures: SocketFailure[] = [];
  const socket = openWebSocket(url, handshakeTimeoutMs, {
    onOpen: () => said.push('open'),
    onFrame: (text) => said.push(`frame ${text.length > 100 ? text.length : text}`),
    onPong: () => said.push('pong'),
    onFail: (failure) => {
      said.push('fail');
      failures.push(failure);
    },
    onClose: (message) => said.push(message),
  });
  cleanups.push(() => socket.terminate());
  return { socket, said, failures };
}

test('sends and receives, and pings', async () => {
  const url = await startServer((peer) => {
    peer.on('message', (data: Buffer) => peer.send(`you said ${data.toString()}`));
  });
  const { socket, said } = open(url);
  // Too early: dropped, not queued.
  socket.send('early');
  await waitFor(() => said.includes('open'));
  socket.send('hello');
  socket.ping();
  await waitFor(() => said.length === 3);
  expect(said.toSorted()).toEqual(['frame you said hello', 'open', 'pong']);
});

test('an end is told once, with the words of the venue', async () => {
  const url = await startServer((peer) => peer.close(1013, 'come back later'));
  const { socket, said } = open(url);
  await socket.closed;
  expect(said).toEqual(['open', 'closed with code 1013: come back later']);
});

test('a refused handshake tells its status and Retry-After', async () => {
  const { socket, said, failures } = open(await startRefusal(429, { 'retry-after': '17' }));
  await socket.closed;
  expect(said).toEqual(['fail']);
  expect(failures).toEqual([{ message: 'HTTP status 429 instead of a WebSocket', isUnseen: false, retryAfter: '17' }]);
});

test('a venue where nobody listens never saw the attempt; one that does not answer may have', async () => {
  const nobody = open('ws://127.0.0.1:1');
  await nobody.socket.closed;
  expect(nobody.failures).toMatchObject([{ isUnseen: true }]);
  const nowhere = open('ws://nowhere.invalid');
  await nowhere.socket.closed;
  expect(nowhere.failures).toMatchObject([{ isUnseen: true }]);
  const mute = createServer();
  cleanups.push(() => mute.close());
  mute.on('upgrade', (_request, socket) => cleanups.push(() => socket.destroy()));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  // As above.
  const unanswered = open(`ws://127.0.0.1:${(mute.address() as AddressInfo).port}`, 50);
  await unanswered.socket.closed;
  expect(unanswered.failures).toMatchObject([{ message: 'Opening handshake has timed out', isUnseen: false }]);
});

test('after terminate nothing is told, whatever still arrives', async () => {
  const peers: WebSocket[] = [];
  const url = await startServer((peer) => peers.push(peer));
  const { socket, said } = open(url);
  await waitFor(() => peers.length === 1 && said.includes('open'));
  for (let n = 0; n < 100; n++) peers[0]?.send('late');
  socket.terminate();
  await socket.closed;
  expect(said).toEqual(['open']);
  const connecting = open(url);
  connecting.socket.terminate();
  await connecting.socket.closed;
  expect(connecting.said).toEqual([]);
});

test('a frame over 4 MB ends the connection, broken UTF-8 does not', async () => {
  const url = await startServer((peer) => {
    peer.send(Buffer.from([0xff, 0xfe]), { binary: false });
    peer.send('x'.repeat(4 * 1024 * 1024));
    peer.send('x'.repeat(4 * 1024 * 1024 + 1));
  });
  const { socket, said } = open(url);
  await socket.closed;
  expect(said).toEqual([
    'open',
    'frame \uFFFD\uFFFD',
    'frame 4194304',
    'closed with code 1006: Max payload size exceeded',
  ]);
});

test('an address that is none throws', () => {
  expect(() => open('nowhere')).toThrow(SyntaxError);
});

test('bursts of several sockets are taken in to their ends, each in its order and its close behind it, with turns for others', async () => {
  const frames = 5_000;
  const url = await startServer((peer) => {
    for (let number = 0; number < frames; number += 1) peer.send(String(number));
    peer.close();
  });
  const openByTurns = createSocketOpener(createFrameTurns(systemClock));
  let inTurn = 0;
  let most = 0;
  let isWatching = true;
  const watch = (): void => {
    most = Math.max(most, inTurn);
    inTurn = 0;
    if (isWatching) setImmediate(watch);
  };
  watch();
  const said = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const heard: string[] = [];
      let isClosed = false;
      openByTurns(url, 10_000, {
        onOpen: () => undefined,
        onFrame: (text) => {
          heard.push(text);
          inTurn += 1;
          const endMs = systemClock.monotonicMs() + 0.02;
          while (systemClock.monotonicMs() < endMs);
        },
        onPong: () => undefined,
        onFail: ({ message }) => heard.push(message),
        onClose: () => {
          isClosed = true;
        },
      });
      await waitFor(() => isClosed, 30_000);
      return heard;
    }),
  );
  isWatching = false;
  const expected = Array.from({ length: frames }, (_, number) => String(number));
  expect(said).toEqual([expected, expected, expected]);
  // Each frame takes 0.02 ms at least, so 200 of them are a turn; one may lie on either side of a look.
  expect(most).toBeLessThanOrEqual(401);
});
