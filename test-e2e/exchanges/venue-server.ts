/**
 * The server of one simulated venue: WebSocket and REST on one port, and the faults of a network.
 *
 * Cut: every connection is dropped, and every new one closed as soon as it opens, or refused because nobody listens on the
 * port any more. Silent: connections stay open and new ones are accepted, but nothing is ever sent or answered, as behind
 * a dead link. A client that does not read is dropped once too much waits for it.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '@weir/clock';
import { WebSocketServer } from 'ws';
import { ConnectedClients } from './connected-clients.ts';
import type { Protocol } from './protocol.ts';
import { createRandom } from './random.ts';
import { createRestDesk, type RestDesk } from './rest-desk.ts';
import { admit, type ClientWorld } from './venue-client.ts';
import type { Strikes } from './strikes.ts';
import type { VenueFaults } from './venue-faults.ts';

export interface VenueServerOptions {
  readonly venue: string;
  readonly seed: number;
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly protocol: Protocol;
  readonly faults: VenueFaults;
  readonly strikes: Strikes;
  readonly maxWaitingBytes: number;
  readonly firstMessageMs?: number;
}

export interface VenueServer {
  readonly port: number;
  readonly clients: ConnectedClients;
  /** The last texts that clients sent, oldest first. */
  readonly received: readonly string[];
  readonly rest: RestDesk;
  /** What `run` sends leaves in as few packets as it can. */
  batch(run: () => void): void;
  /** Sends what a fault holds back. */
  flush(): void;
  cut(isRefusing: boolean): void;
  restore(): void;
  silence(isSilent: boolean): void;
  stop(): Promise<void>;
}

const RECEIVED_MAX = 10_000;
const LISTEN_AGAIN_MS = 50;

interface State {
  isCut: boolean;
  isSilent: boolean;
  isStopped: boolean;
  readonly sockets: Set<Socket>;
  /** Handshakes and requests that a silent venue never answers. */
  readonly unanswered: Set<Socket>;
  readonly received: string[];
  /** Set while a batch is being sent. */
  corked: Set<Socket> | undefined;
}

export async function startVenueServer(options: VenueServerOptions): Promise<VenueServer> {
  const { clock, host, venue, seed, faults, strikes, protocol } = options;
  const state = initialState();
  const random = createRandom(`faults ${seed} ${venue}`);
  const nowMs = (): number => clock.nowMs() + faults.skewMs;
  const desk = createRestDesk({ venue, nowMs, faults, random, strikes, rest: (url) => protocol.rest(url) });
  const websockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: 1 << 20,
  });
  const world = createWorld(options, state, random);
  const server = createHttp(desk, clock, state);
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (state.isSilent) strikes.note('silence');
    if (state.isSilent) return void state.unanswered.add(socket);
    websockets.handleUpgrade(request, socket, head, (websocket) =>
      admit(websocket, { socket, path: request.url ?? '/' }, world),
    );
  });
  const port = await listen(server, options);
  server.on('error', () => {
    // Somebody else may have taken the port while nobody listened.
    if (!state.isStopped) clock.setTimeout(() => listenAgain(server, { host, port }, state), LISTEN_AGAIN_MS);
  });
  return {
    port,
    clients: world.clients,
    received: state.received,
    rest: desk,
    batch: (run) => batch(state, run),
    flush: () => {
      for (const path of world.paths.values()) path.flush();
    },
    cut: (isRefusing) => {
      state.isCut = true;
      if (isRefusing) server.close();
      strikes.note('cut', state.sockets.size);
      for (const socket of state.sockets) socket.destroy();
    },
    restore: () => {
      state.isCut = false;
      listenAgain(server, { host, port }, state);
    },
    silence: (isSilent) => {
      state.isSilent = isSilent;
      if (isSilent) return;
      for (const socket of state.unanswered) socket.destroy();
    },
    stop: async () => {
      state.isStopped = true;
      for (const socket of state.sockets) socket.destroy();
      websockets.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function initialState(): State {
  return {
    isCut: false,
    isSilent: false,
    isStopped: false,
    sockets: new Set(),
    unanswered: new Set(),
    received: [],
    corked: undefined,
  };
}

/** Answers the port. */
async function listen(server: Server, { host, port }: VenueServerOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // A server that listens on a TCP port has an AddressInfo; a text only belongs to a pipe.
  return (server.address() as AddressInfo).port;
}

function listenAgain(server: Server, at: { readonly host: string; readonly port: number }, state: State): void {
  if (!server.listening && !state.isCut && !state.isStopped) server.listen(at.port, at.host);
}

function createWorld(options: VenueServerOptions, state: State, random: () => number): ClientWorld {
  const { venue, clock, protocol, faults, strikes, maxWaitingBytes, firstMessageMs } = options;
  return {
    venue,
    clock,
    protocol,
    faults,
    strikes,
    random,
    maxWaitingBytes,
    ...(firstMessageMs !== undefined && { firstMessageMs }),
    clients: new ConnectedClients(),
    paths: new Map(),
    isSilent: () => state.isSilent,
    cork: (socket) => {
      if (state.corked === undefined || state.corked.has(socket)) return;
      state.corked.add(socket);
      socket.cork();
    },
    received: (text) => {
      state.received.push(text);
      if (state.received.length > 2 * RECEIVED_MAX) state.received.splice(0, RECEIVED_MAX);
    },
  };
}

function batch(state: State, run: () => void): void {
  const corked = new Set<Socket>();
  state.corked = corked;
  try {
    run();
  } finally {
    state.corked = undefined;
    for (const socket of corked) socket.uncork();
  }
}

function createHttp(desk: RestDesk, clock: Clock, state: State): Server {
  const server = createServer((request, response) => {
    const answer = state.isSilent ? undefined : desk.handle(request.url ?? '/', clock.monotonicMs());
    if (answer === undefined) return void state.unanswered.add(request.socket);
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body);
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
