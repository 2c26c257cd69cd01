/**
 * How long a price takes from the venues to a reader, seen from outside: the simulated venues move a price, and a reader
 * of the feed's batches waits until two thirds of that move are in the published price, which takes most of the venues.
 */
import { keyspace } from '@weir/keyspace';
import { systemClock } from '@weir/clock';
import type { Valkey } from '@weir/valkey';
import { decodePriceUpdateBatch } from '@weir/wire';
import type { ExchangesServer, MovedPrice } from './exchanges-process.ts';

export interface MoveTimes {
  /** Milliseconds of each move that has arrived since the last call. */
  take(): readonly number[];
  stop(): Promise<void>;
}

const PERIOD_MS = 100;
/** Of the move, in the published price. */
const SHARE = 2 / 3;

export function timeMoves(
  valkey: Valkey,
  exchanges: Pick<ExchangesServer, 'move' | 'onMoved'>,
  assets: readonly string[],
): MoveTimes {
  const open = new Map<string, MovedPrice>();
  /** What came before the venues said that they had moved it. */
  const seen = new Map<string, { readonly price: number; readonly atMs: number }>();
  let times: number[] = [];
  const settle = (asset: string): void => {
    const moved = open.get(asset);
    const last = seen.get(asset);
    if (moved === undefined || last === undefined || last.atMs < moved.atMs) return;
    if (last.price < moved.before + SHARE * (moved.after - moved.before)) return;
    times.push(last.atMs - moved.atMs);
    open.delete(asset);
  };
  exchanges.onMoved((moved) => {
    open.set(moved.asset, moved);
    settle(moved.asset);
  });
  const subscription = valkey.subscribe([keyspace.priceUpdates.key()], {
    up: () => undefined,
    message: (_channel, text) => {
      const atMs = systemClock.nowMs();
      for (const { asset, priceText } of decodePriceUpdateBatch(text)?.records ?? []) {
        seen.set(asset, { price: Number(priceText), atMs });
        settle(asset);
      }
    },
  });
  let next = 0;
  const timer = systemClock.setInterval(() => {
    next = (next + 7) % assets.length;
    exchanges.move(assets[next] ?? '');
  }, PERIOD_MS);
  return {
    take() {
      const taken = times;
      times = [];
      return taken;
    },
    async stop() {
      timer.cancel();
      await subscription.close();
    },
  };
}
