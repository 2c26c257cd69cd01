/** Finds out before anything is started whether the price API can listen where it shall. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { WeirError } from '@weir/errors';

/** Throws PORT_IN_USE with what to type, or CONFIG_INVALID when this machine has no such address. */
export async function assertCanListen(host: string, port: number): Promise<void> {
  const probe = createServer();
  try {
    probe.listen({ host, port });
    await once(probe, 'listening');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'EADDRNOTAVAIL' || code === 'EINVAL') {
      const detail = `${host} is no address of this machine. Name one that is with --host, such as 127.0.0.1.`;
      throw new WeirError('CONFIG_INVALID', { detail, cause });
    }
    if (code !== 'EADDRINUSE') return;
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
