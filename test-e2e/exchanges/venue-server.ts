/**
 * The server of one simulated venue: WebSocket and REST on one port, and the faults of a network.
 *
 * Cut: every connection is dropped and every new one closed as soon as it opens. Silent: connections stay open and
 * new ones are accepted, but nothing is ever sent or answered, as behind a dead link. A client that does not read
 * is dropped once too much waits for it.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock, Timer } from '@weir/clock';
import { WebSocket, WebSocketServer } from 'ws';
import type { Client, Protocol } from './protocol.ts';

export interface VenueServerOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly protocol: Protocol;
  /** Bytes that may wait for a client before it counts as a slow reader. */
  readonly maxWaitingBytes: number;
  /** A client that has sent nothing by then is closed; absent: it may stay. */
  readonly firstMessageMs?: number;
}

export interface VenueServer {
  readonly port: number;
  readonly clients: ReadonlySet<Client>;
  /** The last texts that clients sent, oldest first. */
  readonly received: readonly string[];
  cut(): void;
  restore(): void;
  silence(isSilent: boolean): void;
  stop(): Promise<void>;
}

const CLIENTS_MAX = 1_000;
const RECEIVED_MAX = 10_000;
const POLICY_VIOLATION = 1008;
const TRY_AGAIN_LATER = 1013;

interface State {
  isCut: boolean;
  isSilent: boolean;
  readonly sockets: Set<Socket>;
  /** Handshakes and requests that a silent venue never answers. */
  readonly unanswered: Set<Socket>;
  readonly clients: Set<Client>;
  readonly received: string[];
}

export async function startVenueServer(options: VenueServerOptions): Promise<VenueServer> {
  const state: State = {
    isCut: false,
    isSilent: false,
    sockets: new Set(),
    unanswered: new Set(),
    clients: new Set(),
    received: [],
  };
  const websockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: 1 << 20,
  });
  const server = createHttp(options, state);
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (state.isSilent) return void state.unanswered.add(socket);
    websockets.handleUpgrade(request, socket, head, (websocket) => admit(websocket, options, state));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    // A server that listens on a TCP port has an AddressInfo; a text only belongs to a pipe.
    port: (server.address() as AddressInfo).port,
    clients: state.clients,
    received: state.received,
    cut: () => {
      state.isCut = true;
      for (const socket of state.sockets) socket.destroy();
    },
    restore: () => {
      state.isCut = false;
    },
    silence: (isSilent) => {
      state.isSilent = isSilent;
      if (isSilent) return;
      for (const socket of state.unanswered) socket.destroy();
    },
    stop: async () => {
      for (const socket of state.sockets) socket.destroy();
      websockets.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function createHttp({ protocol, host }: VenueServerOptions, state: State): Server {
  const server = createServer((request, response) => {
    if (state.isSilent) return void state.unanswered.add(request.socket);
    const { status, body } = protocol.rest(new URL(request.url ?? '/', `http://${host}`));
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body);
  });
  server.on('connection', (socket) => {
    if (state.isCut) return void socket.destroy();
    state.sockets.add(socket);
    // A reset by the client is an everyday event here; without a listener it would end the process.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      state.sockets.delete(socket);
      state.unanswered.delete(socket);
    });
  });
  return server;
}

function admit(websocket: WebSocket, options: VenueServerOptions, state: State): void {
  websocket.on('error', () => undefined);
  if (state.clients.size >= CLIENTS_MAX) return websocket.close(TRY_AGAIN_LATER, 'too many connections');
  const client = createClient(websocket, options, state);
  let patience: Timer | undefined;
  if (options.firstMessageMs !== undefined) {
    const close = (): void => client.close(POLICY_VIOLATION, 'no subscription received');
    patience = options.clock.setTimeout(close, options.firstMessageMs);
  }
  state.clients.add(client);
  websocket.on('close', () => {
    patience?.cancel();
    state.clients.delete(client);
  });
  websocket.on('ping', (data: Buffer) => {
    if (!state.isSilent) websocket.pong(data);
  });
  websocket.on('message', (data: Buffer) => {
    if (state.isSilent) return;
    patience?.cancel();
    const text = data.toString();
    state.received.push(text);
    if (state.received.length > RECEIVED_MAX) state.received.shift();
    options.protocol.receive(client, text);
  });
  options.protocol.connected(client);
}

function createClient(websocket: WebSocket, { clock, maxWaitingBytes }: VenueServerOptions, state: State): Client {
  let lastSentMs = clock.monotonicMs();
  return {
    subscriptions: new Map(),
    get lastSentMs() {
      return lastSentMs;
    },
    send: (frame) => {
      if (state.isSilent || websocket.readyState !== WebSocket.OPEN) return;
      lastSentMs = clock.monotonicMs();
      websocket.send(frame);
      // It would not read a close frame either.
      if (websocket.bufferedAmount > maxWaitingBytes) websocket.terminate();
    },
    close: (code, reason) => websocket.close(code, reason),
  };
}
