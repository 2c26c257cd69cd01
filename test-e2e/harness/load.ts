/** Load from outside: a steady rate over kept connections, in which everything but a 200 is a failure. */
import { Agent } from 'node:http';
import { systemClock } from '@weir/clock';
import { ask } from './price-client.ts';

export interface LoadReport {
  readonly sent: number;
  /** What came instead of a 200, by status or error, with how often. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface Load {
  /** So far. */
  readonly sent: number;
  /** Sends nothing more, waits for the answers. */
  stop(): Promise<LoadReport>;
}

export interface LoadOptions {
  readonly key: string;
  readonly path: string;
  readonly requestsPerSecond: number;
  readonly connections: number;
}

/** Open loop: a slow answer does not hold back the next question. */
export function startLoad({ key, path, requestsPerSecond, connections }: LoadOptions): Load {
  // In turn: each connection is as busy as the others, as those of so many subscribers would be.
  const agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: 'fifo' });
  const failures = new Map<string, number>();
  const open = new Set<Promise<void>>();
  const startedMs = systemClock.monotonicMs();
  let sent = 0;
  const fail = (what: string): void => void failures.set(what, (failures.get(what) ?? 0) + 1);
  const send = (): void => {
    sent += 1;
    const asked = ask({ path, key, agent })
      .then(({ status, body }) => {
        if (status !== 200) fail(`${status} ${String(body?.['code'])}`);
      })
      .catch((err: unknown) => fail(err instanceof Error ? err.message : String(err)))
      .finally(() => open.delete(asked));
    open.add(asked);
  };
  const ticking = systemClock.setInterval(() => {
    const due = Math.floor(((systemClock.monotonicMs() - startedMs) / 1_000) * requestsPerSecond);
    for (let missing = due - sent; missing > 0; missing -= 1) send();
  }, 10);
  return {
    get sent() {
      return sent;
    },
    async stop() {
      ticking.cancel();
      await Promise.all(open);
      agent.destroy();
      return { sent, failures: Object.fromEntries(failures) };
    },
  };
}
