/** The two times of a record: when its price was last known to be current, and how long it took to be told. */
import type { Clock } from '@weir/clock';
import type { Valkey } from '@weir/valkey';
import type { Aggregate } from './aggregate-quotes.ts';

/** How a confirmation looks in a record; converted once, so that one confirmation has one timestamp. */
export interface Stamp {
  readonly aggregate: Aggregate;
  /** In Valkey's time. */
  readonly confirmedAtMs: number;
  /** Until it was first told, however often it is told again. 0: no quote has made it what it is, or one of before our time. */
  readonly latencyMs: number;
}

export interface Stamps {
  of(asset: string, aggregate: Aggregate): Stamp;
  /** From here on prices are told; what made them what they are before that was nobody's to tell. */
  begin(): void;
  /** Forgets the others. */
  keepOnly(assets: ReadonlySet<string>): void;
}

export function createStamps(valkey: Pick<Valkey, 'serverTimeMs'>, clock: Clock): Stamps {
  const stamps = new Map<string, Stamp>();
  let sinceMs = clock.monotonicMs();
  const latencyOf = ({ causedMs }: Aggregate, nowMs: number): number =>
    causedMs === undefined || causedMs < sinceMs ? 0 : Math.max(1, Math.ceil(nowMs - causedMs));
  return {
    of(asset, aggregate) {
      const known = stamps.get(asset);
      if (known?.aggregate === aggregate) return known;
      const nowMs = clock.monotonicMs();
      const confirmedAtMs = Math.round(valkey.serverTimeMs() - (nowMs - aggregate.confirmedMs));
      const isTold = known !== undefined && known.aggregate.causedMs === aggregate.causedMs;
      const stamp = { aggregate, confirmedAtMs, latencyMs: isTold ? known.latencyMs : latencyOf(aggregate, nowMs) };
      stamps.set(asset, stamp);
      return stamp;
    },
    begin() {
      sinceMs = clock.monotonicMs();
    },
    keepOnly(assets) {
      for (const asset of stamps.keys()) if (!assets.has(asset)) stamps.delete(asset);
    },
  };
}
