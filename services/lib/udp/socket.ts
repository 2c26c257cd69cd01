/**
 * A server socket for datagrams that queues nothing without a bound.
 *
 * In front is the system's receive buffer; what does not fit there the system drops. Node takes at most some thirty datagrams
 * a turn of the event loop out of it (libuv), so a flood never keeps HTTP from its turn. An answer that the system does not
 * take at once waits in a queue; when that is full, further answers are dropped and counted.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { WeirError } from '@weir/errors';
import type { Logger, Telemetry } from '@weir/telemetry';
import { DATAGRAM_BYTES_MIN } from './datagram.ts';

export interface UdpSocketOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Named in errors. */
  readonly portSetting?: string;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Of at least 256 bytes; its own from here on. Must not throw. */
  readonly onDatagram: (bytes: Buffer, sender: RemoteInfo) => void;
}

/** What became of an answer; `dropped`: the queue was full. Only what is `sent` has been handed to the system. */
export type Sending = 'sent' | 'too long' | 'dropped';

export interface UdpSocket {
  readonly port: number;
  /** To the sender of a datagram of `requestBytes`; never more than twice that, else nothing is sent. */
  answer(text: string, sender: RemoteInfo, requestBytes: number): Sending;
  /** From here on what arrives is dropped and counted; answers still go out. */
  stopReading(): void;
  close(): Promise<void>;
}

/** Asked for; the system may grant less (net.core.rmem_max). */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const SEND_QUEUE_MAX = 1_024;
/** An answer is never longer than its request times this: a forged sender gains nothing. */
export const ANSWER_FACTOR_MAX = 2;

/** Node would ask the system for the address of an address, a turn later. */
const asItIs = (address: string, _options: unknown, done: (err: null, address: string, family: number) => void): void =>
  done(null, address, address.includes(':') ? 6 : 4);

export async function openUdpSocket(options: UdpSocketOptions): Promise<UdpSocket> {
  const { host, port, portSetting = 'WEIR_UDP_PORT', logger, onDatagram } = options;
  const count = createCounters(options.telemetry);
  const type = host.includes(':') ? 'udp6' : 'udp4';
  const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES, lookup: asItIs });
  await bind(socket, { host, port, portSetting });
  socket.on('error', (err) => {
    count.failed.add();
    logger.debug({ err }, 'an answer over UDP could not be sent');
  });
  let isReading = true;
  socket.on('message', (bytes, sender) => {
    if (!isReading) return count.stopped.add();
    if (bytes.length < DATAGRAM_BYTES_MIN) count.short.add();
    else onDatagram(bytes, sender);
  });
  return {
    port: socket.address().port,
    answer(text, sender, requestBytes) {
      const bytes = Buffer.from(text, 'utf8');
      if (bytes.length > requestBytes * ANSWER_FACTOR_MAX) return 'too long';
      if (socket.getSendQueueCount() >= SEND_QUEUE_MAX) {
        count.queueFull.add();
        return 'dropped';
      }
      socket.send(bytes, 0, bytes.length, sender.port, sender.address);
      return 'sent';
    },
    stopReading() {
      isReading = false;
    },
    async close() {
      isReading = false;
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

async function bind(
  socket: Socket,
  { host, port, portSetting }: { host: string; port: number; portSetting: string },
): Promise<void> {
  try {
    // First, since without a look-up the event comes while `bind` runs.
    const listening = once(socket, 'listening');
    socket.bind({ address: host, port });
    await listening;
  } catch (cause) {
    socket.close();
    if (!(cause instanceof Error && 'code' in cause)) throw cause;
    if (cause.code === 'EADDRINUSE') {
      const detail = `UDP port ${port} of ${host} is in use. Stop the process that holds it, or set ${portSetting} to another port.`;
      throw new WeirError('PORT_IN_USE', { detail, cause });
    }
    // Without rights it is the port that has to change, with anything else the address.
    const fix =
      cause.code === 'EACCES' ? `Set ${portSetting} to a port above 1023` : `Set the host to 127.0.0.1 or 0.0.0.0`;
    const detail = `UDP port ${port} of ${host} cannot be opened (${String(cause.code)}). ${fix}.`;
    throw new WeirError('CONFIG_INVALID', { detail, cause });
  }
}

function createCounters(telemetry: Telemetry) {
  const dropped = (reason: string) =>
    telemetry.counter('weir.udp.dropped', {
      description: 'Datagrams that were not taken, and answers that were not sent',
      unit: '{datagram}',
      attributes: { reason },
    });
  return {
    short: dropped('short'),
    stopped: dropped('stopped'),
    queueFull: dropped('send_queue_full'),
    failed: dropped('send_failed'),
  };
}
