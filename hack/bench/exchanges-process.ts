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

/** A price that was told to leap by a little, and when, by the machine's clock, just before the venues traded it. */
export interface MovedPrice {
  readonly asset: string;
  readonly before: number;
  readonly after: number;
  readonly atMs: number;
}

export interface ExchangesServer {
  readonly pid: number;
  readonly addresses: Readonly<Record<string, { readonly ws: string; readonly rest: string }>>;
  /** Every venue trades the asset at a price a little higher. */
  move(asset: string): void;
  onMoved(listener: (moved: MovedPrice) => void): void;
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
    // What it sends first.
    addresses: addresses as ExchangesServer['addresses'],
    move: (asset) => void child.send(asset),
    // After its addresses it sends nothing else.
    onMoved: (listener) => void child.on('message', (moved) => listener(moved as MovedPrice)),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
