/**
 * Simulated exchanges: real WebSocket and REST servers on this machine that speak Coinbase Exchange and Kraken v2.
 *
 * Prices come from a seeded walk (the same seed gives the same trades, to the digit) or from a recording, and go
 * only to clients subscribed to the product. Every fault a venue shows can be switched on: cut, half-open silence,
 * refused symbols, maintenance, dropped slow readers, any frame at all. What is kept is bounded and `stop` closes
 * everything. Not simulated: order books, authentication, request limits.
 */
import { systemClock, type Clock } from '@weir/clock';
import { coinbaseSymbol, createCoinbase } from './coinbase.ts';
import { createControl, type ExchangeControl } from './exchange-control.ts';
import { krakenSymbol } from './kraken-names.ts';
import { createKraken } from './kraken.ts';
import { createMarket, type ListedPair, type Market } from './market.ts';
import type { Protocol } from './protocol.ts';
import { startVenueServer, type VenueServer } from './venue-server.ts';

export { demoPair } from './demo-pairs.ts';
export type { ExchangeControl } from './exchange-control.ts';
export type { ListedPair, Maintenance, SystemState } from './market.ts';

const VENUES = {
  // Documented: a client that has not subscribed within five seconds is disconnected.
  coinbase: { symbolOf: coinbaseSymbol, firstMessageMs: 5_000 },
  kraken: { symbolOf: krakenSymbol, firstMessageMs: undefined },
} as const;

export type VenueId = keyof typeof VENUES;
export const venueIds: readonly VenueId[] = ['coinbase', 'kraken'];

export interface ExchangesOptions {
  readonly venues: readonly VenueId[];
  readonly pairs: readonly ListedPair[];
  /** Absent or 0: any free port. */
  readonly ports?: Readonly<Partial<Record<VenueId, number>>>;
  readonly host?: string;
  readonly seed?: number;
  /** Trades of each venue, over all its pairs; 0: prices stand still until they are set. */
  readonly ticksPerSecond?: number;
  readonly maxWaitingBytes?: number;
  readonly clock?: Clock;
}

export interface VenueAddress {
  readonly ws: string;
  readonly rest: string;
}

export interface Exchanges {
  readonly addresses: Readonly<Record<string, VenueAddress>>;
  venue(id: string): ExchangeControl;
  stop(): Promise<void>;
}

interface Venue {
  readonly id: VenueId;
  readonly market: Market;
  readonly protocol: Protocol;
  readonly server: VenueServer;
  readonly control: ExchangeControl;
}

/** A stall of the process is made up for, but not by a burst of more than this many trades at once. */
const CATCH_UP_MAX = 1_000;
const PULSE_MS = 1_000;

export async function startExchanges(options: ExchangesOptions): Promise<Exchanges> {
  const { clock = systemClock, host = '127.0.0.1', ticksPerSecond = 20 } = options;
  const stopping = new AbortController();
  const venues = new Map<string, Venue>();
  try {
    for (const id of options.venues) venues.set(id, await startVenue(id, { ...options, clock, host }, stopping.signal));
  } catch (error) {
    await stopAll(venues);
    throw error;
  }
  const pulse = clock.setInterval(() => {
    for (const { protocol, server } of venues.values()) protocol.pulse(server.clients);
  }, PULSE_MS);
  const trading = startTrading([...venues.values()], clock, ticksPerSecond);
  return {
    addresses: Object.fromEntries([...venues].map(([id, venue]) => [id, addressOf(host, venue)])),
    venue: (id) => {
      const venue = venues.get(id);
      if (venue === undefined) throw new RangeError(`venue "${id}" is not simulated here`);
      return venue.control;
    },
    stop: async () => {
      stopping.abort();
      pulse.cancel();
      trading?.cancel();
      await stopAll(venues);
    },
  };
}

async function startVenue(
  id: VenueId,
  options: ExchangesOptions & { readonly clock: Clock; readonly host: string },
  signal: AbortSignal,
): Promise<Venue> {
  const { clock, host, pairs, seed = 1, ports, maxWaitingBytes = 1 << 20 } = options;
  const { symbolOf, firstMessageMs } = VENUES[id];
  const market = createMarket({ venue: id, seed, pairs, symbolOf, openedMs: clock.nowMs() });
  const protocol = id === 'coinbase' ? createCoinbase(market, () => clock.nowMs()) : createKraken(market, clock);
  const server = await startVenueServer({
    host,
    port: ports?.[id] ?? 0,
    clock,
    protocol,
    maxWaitingBytes,
    ...(firstMessageMs !== undefined && { firstMessageMs }),
  });
  return { id, market, protocol, server, control: createControl({ clock, market, protocol, server, signal }) };
}

/** All venues take every step together, so that they follow one fair price. */
function startTrading(venues: readonly Venue[], clock: Clock, ticksPerSecond: number): { cancel(): void } | undefined {
  if (ticksPerSecond <= 0) return undefined;
  const startMs = clock.monotonicMs();
  let done = 0;
  return clock.setInterval(
    () => {
      const due = Math.floor(((clock.monotonicMs() - startMs) * ticksPerSecond) / 1000);
      done = Math.max(done, due - CATCH_UP_MAX);
      for (; done < due; done++) {
        for (const { market, protocol, server } of venues) {
          const product = market.step(clock.nowMs());
          if (product !== undefined) protocol.traded(server.clients, product);
        }
      }
    },
    Math.min(1_000, Math.max(5, 1_000 / ticksPerSecond)),
  );
}

function addressOf(host: string, { protocol, server }: Venue): VenueAddress {
  const authority = `${host}:${server.port}`;
  return { ws: `ws://${authority}${protocol.wsPath}`, rest: `http://${authority}${protocol.restPath}` };
}

async function stopAll(venues: ReadonlyMap<string, Venue>): Promise<void> {
  await Promise.all([...venues.values()].map(({ server }) => server.stop()));
}
