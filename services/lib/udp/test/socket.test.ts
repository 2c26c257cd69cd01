/** The server socket against a real one: what is sent, withheld, and counted. */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { createTestTelemetry, silentLogger, waitFor } from '@weir/testing';
import { expect, test } from 'vitest';
import { openUdpSocket } from '@weir/udp';

test('sends no more than twice the request and says so, and counts what comes while it stops', async () => {
  const telemetry = createTestTelemetry();
  const senders: RemoteInfo[] = [];
  const socket = await openUdpSocket({
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
    telemetry,
    onDatagram: (_bytes, sender) => senders.push(sender),
  });
  const client = createSocket('udp4');
  const answers: string[] = [];
  client.on('message', (bytes) => answers.push(bytes.toString()));
  try {
    client.send(Buffer.alloc(256, 'x'), socket.port, '127.0.0.1');
    const [sender] = await waitFor(() => senders.length > 0 && senders);
    if (sender === undefined) throw new Error('no sender');
    expect(socket.answer('y'.repeat(513), sender, 256)).toBe('too long');
    expect(socket.answer('y'.repeat(512), sender, 256)).toBe('sent');
    await waitFor(() => answers.length > 0);
    expect(answers).toEqual(['y'.repeat(512)]);
    socket.stopReading();
    client.send(Buffer.alloc(256, 'x'), socket.port, '127.0.0.1');
    await waitFor(async () => /weir_udp_dropped_total\{reason="stopped"[^}]*\} 1/.test(await telemetry.scrape()));
    expect(senders).toHaveLength(1);
  } finally {
    const closed = once(client, 'close');
    client.close();
    await Promise.all([closed, socket.close()]);
  }
});
