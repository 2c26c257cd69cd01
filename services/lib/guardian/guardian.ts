/** The child's side: starts one server when told, stops it when told or when the parent is gone. */
import { systemClock } from '@weir/clock';
import { isWeirError } from '@weir/errors';

import { readParentMessage, type GuardianMessage } from './messages.ts';

export interface GuardedServer {
  /** Resolves, once the server answers, with what the parent is to know of it (plain data). */
  start(request: unknown): Promise<unknown>;
  /** Must also work while `start` is still under way. */
  stop(): Promise<void>;
}

const STOP_DEADLINE_MS = 10_000;

function send(message: GuardianMessage): void {
  // The parent may be gone by now; then the disconnect handler is already stopping the server.
  if (process.connected) process.send?.(message, () => {});
}

/** Turns this process into the guardian of `server`. Call it from the main module of a child made by `startGuarded`. */
export function serveAsGuardian(server: GuardedServer): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    // A server that cannot be stopped must not keep its guardian for ever.
    systemClock.setTimeout(() => process.exit(1), STOP_DEADLINE_MS);
    server.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  const start = async (request: unknown): Promise<void> => {
    try {
      send({ kind: 'ready', ready: await server.start(request) });
    } catch (err) {
      const detail = err instanceof Error ? err.message : String(err);
      send({ kind: 'failed', code: isWeirError(err) ? err.code : 'INTERNAL', detail });
      stop();
    }
  };
  process.on('disconnect', stop);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
  process.on('message', (value) => {
    const message = readParentMessage(value);
    if (message?.kind === 'start') void start(message.request);
    if (message?.kind === 'stop') stop();
  });
}
