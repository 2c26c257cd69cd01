/** One WebSocket client of a simulated venue: what it sends is kept and handed to the protocol, what it gets goes by a frame path. */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '@weir/clock';
import { WebSocket } from 'ws';
import type { ConnectedClients } from './connected-clients.ts';
import { createFramePath, type FramePath } from './frame-path.ts';
import type { Client, Protocol } from './protocol.ts';
import type { Random } from './random.ts';
import { refuseFrame } from './refuse-frame.ts';
import type { Strikes } from './strikes.ts';
import type { VenueFaults } from './venue-faults.ts';

export interface ClientWorld {
  readonly venue: string;
  readonly clock: Clock;
  readonly protocol: Protocol;
  readonly faults: VenueFaults;
  readonly random: Random;
  readonly strikes: Strikes;
  /** Bytes that may wait for a client before it counts as a slow reader. */
  readonly maxWaitingBytes: number;
  /** A client that has sent nothing by then is closed; absent: it may stay. */
  readonly firstMessageMs?: number;
  readonly clients: ConnectedClients;
  readonly paths: Map<Client, FramePath>;
  isSilent(): boolean;
  /** Before the first frame of a batch. */
  cork(socket: Socket): void;
  received(text: string): void;
}

const CLIENTS_MAX = 1_000;
const POLICY_VIOLATION = 1008;
const TRY_AGAIN_LATER = 1013;

/** How a client came. */
export interface Arrival {
  readonly socket: Socket;
  readonly path: string;
}

export function admit(websocket: WebSocket, arrival: Arrival, world: ClientWorld): void {
  const { clients, clock, protocol, faults, firstMessageMs } = world;
  websocket.on('error', () => undefined);
  if (clients.size >= CLIENTS_MAX) return websocket.close(TRY_AGAIN_LATER, 'too many connections');
  const { client, path } = createClient(websocket, arrival, world);
  let patience: Timer | undefined;
  if (firstMessageMs !== undefined) {
    const close = (): void => client.close(POLICY_VIOLATION, 'no subscription received');
    patience = clock.setTimeout(close, firstMessageMs);
  }
  clients.add(client);
  world.paths.set(client, path);
  websocket.on('close', () => {
    patience?.cancel();
    clients.delete(client);
    world.paths.delete(client);
  });
  websocket.on('ping', (data: Buffer) => {
    if (!world.isSilent()) websocket.pong(data);
  });
  websocket.on('message', (data: Buffer) => {
    if (world.isSilent()) return;
    patience?.cancel();
    const text = data.toString();
    world.received(text);
    const refusal = faults.refusesFrames ? refuseFrame(world.venue, text) : undefined;
    if (refusal !== undefined) world.strikes.note('refusesFrames');
    if (refusal !== undefined) client.send(refusal);
    else path.answer(() => protocol.receive(client, text));
  });
  protocol.connected(client);
}

function createClient(
  websocket: WebSocket,
  { socket, path: wanted }: Arrival,
  world: ClientWorld,
): { readonly client: Client; readonly path: FramePath } {
  const { clock, maxWaitingBytes, venue, faults, random, strikes, clients } = world;
  let lastSentMs = clock.monotonicMs();
  const transmit = (frame: string): void => {
    if (websocket.readyState !== WebSocket.OPEN) return;
    if (world.isSilent()) return strikes.note('silence');
    if (faults.skewMs !== 0) strikes.note('skewMs');
    lastSentMs = clock.monotonicMs();
    world.cork(socket);
    websocket.send(frame);
    // It would not read a close frame either.
    if (websocket.bufferedAmount <= (faults.slowReaderBytes ?? maxWaitingBytes)) return;
    if (faults.slowReaderBytes !== undefined) strikes.note('slowReaderBytes');
    websocket.terminate();
  };
  const path = createFramePath({ venue, faults, random, strikes, transmit });
  const client: Client = {
    path: wanted,
    subscriptions: new Map(),
    connected: clients,
    get lastSentMs() {
      return lastSentMs;
    },
    send: (frame) => path.send(frame),
    close: (code, reason) => websocket.close(code, reason),
    drop: () => websocket.terminate(),
  };
  return { client, path };
}
