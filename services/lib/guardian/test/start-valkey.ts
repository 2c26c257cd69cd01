/** A parent for the guardian's tests: prints the pid of the Valkey it started; on SIGINT whether that still answers. */
import { once } from 'node:events';
import { connect } from 'node:net';

import { startEmbeddedValkey } from '@weir/valkey/embedded';

const valkey = await startEmbeddedValkey();

async function answerOnce(): Promise<void> {
  const socket = connect(valkey.port, '127.0.0.1').setEncoding('utf8');
  socket.write('PING\r\n');
  const reply = String((await once(socket, 'data'))[0]);
  process.stdout.write(`${reply.trim()} after SIGINT\n`);
  socket.destroy();
}

if (process.argv[2] !== 'return') {
  process.on('SIGINT', () => void answerOnce());
  process.on('SIGTERM', () => process.exit(0));
  process.stdin.resume();
}
process.stdout.write(`${valkey.pid}\n`);
