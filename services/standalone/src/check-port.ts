/** Finds out before anything is started whether the port of the price API is free. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { WeirError } from '@weir/errors';

/** Throws PORT_IN_USE with what to type. */
export async function assertPortFree(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  try {
    probe.listen({ host, port });
    await once(probe, 'listening');
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')) return;
    const detail =
      `Port ${port} is taken by another process. ` +
      `Stop that process, or choose another port: npm start -- --http-port ${port === 65_535 ? port - 1 : port + 1}`;
    throw new WeirError('PORT_IN_USE', { detail, cause });
  } finally {
    // What else stands in the way is said by the server itself when it listens.
    if (probe.listening) {
      probe.close();
      await once(probe, 'close');
    }
  }
}
