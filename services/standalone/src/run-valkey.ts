/** The embedded Valkey, started again on the same port when it dies: what it held is rebuilt, as everywhere. */
import type { Clock } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import { startEmbeddedValkey, type EmbeddedValkey } from '@weir/valkey/embedded';
import { isAlive } from './data-folder.ts';

export interface ValkeyServer {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

const CHECK_MS = 250;

export async function runValkey(port: number, clock: Clock, logger: Logger): Promise<ValkeyServer> {
  let server: EmbeddedValkey = await startEmbeddedValkey({ port, portSetting: '--valkey-port' });
  const { url, port: actualPort } = server;
  let restarting: Promise<void> | undefined;
  const restart = async (): Promise<void> => {
    logger.warn({ pid: server.pid }, 'Valkey has died, starting it again');
    try {
      await server.stop();
      server = await startEmbeddedValkey({ port: actualPort });
    } catch (err) {
      logger.error({ err }, 'Valkey could not be started again');
    }
  };
  const timer = clock.setInterval(() => {
    if (isAlive(server.pid)) return;
    restarting ??= restart().finally(() => {
      restarting = undefined;
    });
  }, CHECK_MS);
  return {
    url,
    port: actualPort,
    stop: async () => {
      timer.cancel();
      await restarting;
      await server.stop();
    },
  };
}
