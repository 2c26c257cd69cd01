/** Opens the port of a server; what stands in the way is said with its fix. */
import { WeirError } from '@weir/errors';
import type { FastifyInstance } from 'fastify';

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Named in errors. */
  readonly portSetting?: string;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** For a client on this machine. */
  readonly url: string;
}

export async function listen(server: FastifyInstance, options: ListenOptions): Promise<Listening> {
  const { host, port, portSetting = 'WEIR_HTTP_PORT' } = options;
  try {
    await server.listen({ host, port });
  } catch (err) {
    throw listenError(err, { host, port, portSetting });
  }
  const address = server.server.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  return { host, port: actualPort, url: `http://${reachableHost(host)}:${actualPort}` };
}

function listenError(cause: unknown, { host, port, portSetting }: Required<ListenOptions>): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') {
    const detail = `Port ${port} of ${host} is in use. Stop the process that holds it, or set ${portSetting} to another port.`;
    return new WeirError('PORT_IN_USE', { detail, cause });
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    const why = code === 'EACCES' ? 'needs rights that this process lacks' : 'is no address of this machine';
    const detail = `${host}:${port} ${why}. Set the host to listen on to 127.0.0.1 or 0.0.0.0, and ${portSetting} to a port above 1023.`;
    return new WeirError('CONFIG_INVALID', { detail, cause });
  }
  return cause;
}

/** An address that means "every interface" cannot be asked. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
