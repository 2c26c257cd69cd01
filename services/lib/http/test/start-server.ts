/** A real server on a free port with everything it needs, and the lines it logs. */
import { systemClock } from '@weir/clock';
import { createHttpServer, listen, type HttpServerOptions, type Listening } from '@weir/http';
import { createLifecycle, type Lifecycle } from '@weir/lifecycle';
import { createLogger, createTelemetry, type Telemetry } from '@weir/telemetry';

type Server = ReturnType<typeof createHttpServer>;

export interface Started extends Listening {
  readonly server: Server;
  readonly lifecycle: Lifecycle;
  readonly telemetry: Telemetry;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

const running: Pick<Started, 'server' | 'lifecycle' | 'telemetry'>[] = [];

export async function startServer(
  options: Partial<HttpServerOptions> = {},
  addRoutes: (server: Server) => void = () => undefined,
): Promise<Started> {
  const created = createServer(options);
  addRoutes(created.server);
  return { ...created, ...(await listen(created.server, { host: '127.0.0.1', port: 0 })) };
}

/** The same before it listens. */
export function createServer(options: Partial<HttpServerOptions> = {}): Omit<Started, keyof Listening> {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const logger = createLogger({ service: 'test', destination });
  const lifecycle = createLifecycle({ clock: systemClock, logger, stopDeadlineMs: 20_000 });
  const identity = { service: 'test', version: '1', instance: 'test-0' };
  const telemetry = createTelemetry({ ...identity, clock: systemClock, logger });
  const server = createHttpServer({ service: 'test', logger, telemetry, lifecycle, clock: systemClock, ...options });
  running.push({ server, lifecycle, telemetry });
  return { server, lifecycle, telemetry, lines };
}

export async function stopServers(): Promise<void> {
  for (const { server, lifecycle, telemetry } of running.splice(0)) {
    // What a test has asked with keeps its connections; nobody waits for whether it asks again.
    server.server.closeIdleConnections();
    await lifecycle.stop('end of test');
    await telemetry.close();
  }
}
