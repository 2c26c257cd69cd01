import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { assertCanListen } from './check-port.ts';

it('refuses a port that is taken, with another one to type', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(assertCanListen('127.0.0.1', port)).rejects.toThrow(/taken by another process.*--http-port \d+/);
  taken.close();
  await once(taken, 'close');
});

it('refuses an address of another machine, whatever the port, and names its option', async () => {
  // An address for documentation, which no machine has.
  await expect(assertCanListen('192.0.2.1', 0)).rejects.toThrow(/192\.0\.2\.1 is no address of this machine.*--host/);
  await expect(assertCanListen('127.0.0.1', 0)).resolves.toBeUndefined();
});
