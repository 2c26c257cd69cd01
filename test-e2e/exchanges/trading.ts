/** What makes the venues trade: the walk of the fair prices, and the second that heartbeats come in. */
import type { Clock } from '@weir/clock';
import type { FairPrices } from './fair-prices.ts';
import type { Market } from './market.ts';
import type { Protocol } from './protocol.ts';
import type { VenueServer } from './venue-server.ts';

export interface TradingVenue {
  readonly market: Market;
  readonly protocol: Protocol;
  readonly server: VenueServer;
  /** Its own wall time. */
  readonly nowMs: () => number;
}

export interface Trading {
  /** Every venue trades what follows this pair. */
  publish(pair: number): void;
  cancel(): void;
}

export interface TradingOptions {
  readonly venues: readonly TradingVenue[];
  readonly fair: FairPrices;
  readonly clock: Clock;
  readonly ticksPerSecond: number;
}

/** A stall of the process is made up for, but not by a burst of more than this many moves at once. */
const CATCH_UP_MAX = 1_000;
const PULSE_MS = 1_000;
const TURN_MS_MIN = 5;

export function startTrading({ venues, fair, clock, ticksPerSecond }: TradingOptions): Trading {
  const pulse = clock.setInterval(() => {
    for (const { protocol, server } of venues) {
      server.flush();
      server.batch(() => protocol.pulse(server.clients));
    }
  }, PULSE_MS);
  const startMs = clock.monotonicMs();
  let done = 0;
  const trade = (pair: number): void => {
    for (const { market, protocol, server, nowMs } of venues) {
      for (const product of market.follow(pair, nowMs())) protocol.traded(server.clients, product);
    }
  };
  const turn = (): void => {
    const due = Math.floor(((clock.monotonicMs() - startMs) * ticksPerSecond) / 1000);
    done = Math.max(done, due - CATCH_UP_MAX);
    for (; done < due; done++) {
      const pair = fair.step();
      if (pair !== undefined) trade(pair);
    }
  };
  const turns =
    ticksPerSecond > 0
      ? clock.setInterval(() => batchAll(venues, turn), Math.min(1_000, Math.max(TURN_MS_MIN, 1_000 / ticksPerSecond)))
      : undefined;
  return {
    publish: (pair) => batchAll(venues, () => trade(pair)),
    cancel: () => {
      pulse.cancel();
      turns?.cancel();
    },
  };
}

/** What all of them send meanwhile leaves together, each in as few packets as it can. */
function batchAll(venues: readonly TradingVenue[], run: () => void): void {
  const [first, ...others] = venues;
  if (first === undefined) run();
  else first.server.batch(() => batchAll(others, run));
}
