/** Starts the simulated venues apart from what is measured, and reads how busy they were. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export interface ExchangesOrder {
  readonly venues: readonly string[];
  /** Each is listed against the dollar. */
  readonly assets: readonly string[];
  /** Of all venues together. */
  readonly ticksPerSecond: number;
}

export interface ExchangesServer {
  readonly pid: number;
  readonly addresses: Readonly<Record<string, { readonly ws: string; readonly rest: string }>>;
  stop(): Promise<void>;
}

export async function startExchangesServer(order: ExchangesOrder): Promise<ExchangesServer> {
  const child = fork(path.join(import.meta.dirname, 'exchanges-server.ts'), [JSON.stringify(order)]);
  const exited = once(child, 'exit');
  const early = exited.then(([code]) => Promise.reject(new Error(`the simulated venues ended with ${String(code)}`)));
  const [addresses] = await Promise.race([once(child, 'message'), early]);
  early.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    // It sends nothing else.
    addresses: addresses as ExchangesServer['addresses'],
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
