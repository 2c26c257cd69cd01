/**
 * Load over UDP, cheap enough not to be the bottleneck: datagrams are signed before a round begins, answers are counted by
 * their first bytes. Any answer but a price ends the run with an error.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { systemClock } from '@weir/clock';
import { createMacKey, encodeDatagram } from '../../services/lib/udp/index.ts';
import type { LoadResult } from './load-client.ts';

export interface UdpSession {
  readonly session: string;
  readonly secret: string;
}

export interface DatagramOptions {
  readonly port: number;
  /** Taken in turn. */
  readonly sessions: readonly UdpSession[];
  readonly sockets: number;
  /** Datagrams in flight per socket. */
  readonly depth: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Runs when measuring begins and ends. */
  readonly onMeasure: (phase: 'begin' | 'end') => void;
}

/** So many are signed for each second of a round; one that runs out of them ends with an error. */
const DATAGRAMS_PER_SECOND = 150_000;
const DATAGRAM_BYTES = 256;
const PRICE = Buffer.from('{"asset"');
/** What has no answer after this is lost, and another one goes out in its place. */
const LOST_MS = 100;

export interface DatagramResult extends LoadResult {
  readonly lost: number;
}

/** All within 30 s of now; each is sent once. */
function signDatagrams(sessions: readonly UdpSession[], count: number): Buffer {
  const keys = sessions.map(({ session, secret }) => ({ session, key: createMacKey(secret) }));
  const all = Buffer.allocUnsafe(count * DATAGRAM_BYTES);
  const run = randomBytes(6).toString('hex');
  for (let index = 0; index < count; index += 1) {
    const owner = keys[index % keys.length];
    if (owner === undefined) break;
    const fields = { session: owner.session, asset: 'BTC', unixMs: Date.now(), nonce: run + index.toString(36) };
    encodeDatagram(owner.key, fields).copy(all, index * DATAGRAM_BYTES);
  }
  return all;
}

async function openSockets(count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () =>
    // Without a look-up of an address that is one already.
    createSocket({ type: 'udp4', recvBufferSize: 1 << 20, lookup: (host, _options, done) => done(null, host, 4) }),
  );
  await Promise.all(
    sockets.map((socket) => {
      const listening = once(socket, 'listening');
      socket.bind(0, '127.0.0.1');
      return listening;
    }),
  );
  return sockets;
}

/** As much as the server takes: every answer is followed by a datagram. */
export async function saturateUdp(options: DatagramOptions): Promise<DatagramResult> {
  const { port, depth, warmUpMs, measureMs, onMeasure } = options;
  const count = Math.ceil(((warmUpMs + measureMs) / 1_000) * DATAGRAMS_PER_SECOND);
  const datagrams = signDatagrams(options.sessions, count);
  const sockets = await openSockets(options.sockets);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const seen = { answers: 0, sent: 0, lost: 0 };
  let isSending = true;
  const send = (socket: Socket): void => {
    if (!isSending) return;
    if (seen.sent === count) return reject(new Error('more datagrams are answered than were signed'));
    socket.send(datagrams, seen.sent * DATAGRAM_BYTES, DATAGRAM_BYTES, port, '127.0.0.1');
    seen.sent += 1;
  };
  const lanes = sockets.map((socket) => ({ socket, heardMs: systemClock.monotonicMs() }));
  for (const lane of lanes) {
    lane.socket.on('error', reject).on('message', (answer) => {
      if (answer.compare(PRICE, 0, PRICE.length, 0, PRICE.length) !== 0)
        reject(new Error(`no price: ${answer.toString()}`));
      seen.answers += 1;
      lane.heardMs = systemClock.monotonicMs();
      send(lane.socket);
    });
    for (let index = 0; index < depth; index += 1) send(lane.socket);
  }
  const refill = systemClock.setInterval(() => {
    const nowMs = systemClock.monotonicMs();
    for (const lane of lanes.filter(({ heardMs }) => nowMs - heardMs > LOST_MS)) {
      seen.lost += 1;
      send(lane.socket);
    }
  }, LOST_MS);
  const measure = async (): Promise<DatagramResult> => {
    await pass(warmUpMs);
    const startMs = systemClock.monotonicMs();
    const before = seen.answers;
    onMeasure('begin');
    await pass(measureMs);
    const answers = seen.answers - before;
    const seconds = (systemClock.monotonicMs() - startMs) / 1_000;
    onMeasure('end');
    return { answers, seconds, lost: seen.lost };
  };
  try {
    return await Promise.race([measure(), failed]);
  } finally {
    isSending = false;
    refill.cancel();
    for (const socket of sockets) socket.close();
  }
}

const pass = (ms: number): Promise<void> => new Promise((resolve) => void systemClock.setTimeout(resolve, ms));
