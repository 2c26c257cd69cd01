/** A client of prices over UDP for tests: sends what it is told, well formed or not, and keeps every answer. */
import { randomUUID } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { waitFor } from '@weir/testing';
import { createMacKey, encodeDatagram, type DatagramFields } from '@weir/udp';
import type { Pod } from './harness.ts';

export interface Session {
  readonly session: string;
  readonly secret: string;
  readonly port: number;
  readonly expires_at: string;
}

export interface UdpClient {
  readonly answers: readonly string[];
  send(bytes: Buffer, port: number): void;
  /** Sends a genuine request and resolves to its answer; sends it once, which on one machine arrives. */
  ask(session: Session, changes?: Partial<DatagramFields>): Promise<Readonly<Record<string, unknown>>>;
  close(): void;
}

export function datagram({ session, secret }: Session, changes: Partial<DatagramFields> = {}): Buffer {
  const nonce = randomUUID().replaceAll('-', '');
  return encodeDatagram(createMacKey(secret), { session, asset: 'BTC', unixMs: Date.now(), nonce, ...changes });
}

export async function createSession(pod: Pod, key: string): Promise<Session> {
  const response = await fetch(`${pod.url}/v1/udp-sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  // What a test expects of it, it looks at.
  return (await response.json()) as Session;
}

export async function openUdpClient(): Promise<UdpClient> {
  const socket: Socket = createSocket('udp4');
  const answers: string[] = [];
  socket.on('message', (bytes) => answers.push(bytes.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const send = (bytes: Buffer, port: number): void => socket.send(bytes, port, '127.0.0.1');
  return {
    answers,
    send,
    async ask(session, changes = {}) {
      const before = answers.length;
      send(datagram(session, changes), session.port);
      await waitFor(() => answers.length > before);
      // As above.
      return JSON.parse(answers[before] ?? '') as Readonly<Record<string, unknown>>;
    },
    close() {
      socket.close();
    },
  };
}
