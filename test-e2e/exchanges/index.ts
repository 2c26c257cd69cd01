/**
 * Simulated exchanges: real WebSocket and REST servers on this machine that speak the protocols of `simulated-venues.ts`.
 *
 * Prices come from one seeded walk that all venues follow (the same seed gives the same trades, to the digit), or from a
 * recording, and go only to clients subscribed to the product; `truth` is that one price. A pair in USD is listed in
 * the quote of each venue: BTC-USD, or BTC-USDT at the current rate, which the venues in dollars then list as USDT-USD.
 * Every fault a venue shows can be switched on: `ExchangeControl`. What is kept is bounded and `stop` closes everything.
 * Not simulated: order books beyond their best prices, authentication, request limits.
 */
import { systemClock, type Clock } from '@weir/clock';
import { createControl, type ExchangeControl } from './exchange-control.ts';
import { createFairPrices, type FairPrices } from './fair-prices.ts';
import { fairPairs, listMarkets, type ListedPair } from './list-markets.ts';
import { createMarket } from './market.ts';
import { simulatedVenues, type VenueId } from './simulated-venues.ts';
import { createStrikes } from './strikes.ts';
import { startTrading, type TradingVenue } from './trading.ts';
import { noFaults } from './venue-faults.ts';
import { startVenueServer } from './venue-server.ts';

export { demoPair } from './demo-pairs.ts';
export type { ExchangeControl } from './exchange-control.ts';
export type { ListedPair } from './list-markets.ts';
export type { Maintenance, SystemState } from './market.ts';
export { spellSymbol, venueIds, type VenueId } from './simulated-venues.ts';
export type { VenueFaults } from './venue-faults.ts';

export interface ExchangesOptions {
  readonly venues: readonly VenueId[];
  readonly pairs: readonly ListedPair[];
  /** Absent or 0: any free port. */
  readonly ports?: Readonly<Partial<Record<VenueId, number>>>;
  readonly host?: string;
  readonly seed?: number;
  /** Moves of fair prices, each of which every venue trades; 0: prices stand still until they are set. */
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
  /** The true price of "BTC", "BTC-EUR", "BTC-USDT" at this moment; `undefined` when nothing walks for it. */
  truth(pair: string): string | undefined;
  /** All of them, by `<ASSET>-<QUOTE>`; USDT-USD is the rate that venues in USDT convert by. */
  truths(): Readonly<Record<string, string>>;
  /** The true price jumps, and every venue trades it at once. Throws RangeError when nothing walks for the pair. */
  setTruth(pair: string, text: string): void;
  stop(): Promise<void>;
}

interface RunningVenue extends TradingVenue {
  readonly id: VenueId;
  readonly control: ExchangeControl;
}

/** A slow reader is one that is behind by some seconds of everything. */
const WAITING_BYTES_MIN = 1 << 20;
const WAITING_BYTES_PER_PAIR = 4_096;

export async function startExchanges(options: ExchangesOptions): Promise<Exchanges> {
  const { clock = systemClock, host = '127.0.0.1', ticksPerSecond = 20, seed = 1 } = options;
  const specs = options.venues.map((id) => simulatedVenues[id]);
  const fair = createFairPrices(seed, fairPairs(options.pairs, specs));
  const stopping = new AbortController();
  const venues = new Map<string, RunningVenue>();
  const world: World = { options, clock, host, seed, fair, signal: stopping.signal };
  try {
    for (const id of options.venues) venues.set(id, await startVenue(id, world));
  } catch (error) {
    await stopAll(venues);
    throw error;
  }
  const running = [...venues.values()];
  const trading = startTrading({ venues: running, fair, clock, ticksPerSecond });
  return {
    addresses: Object.fromEntries(running.map((venue) => [venue.id, addressOf(host, venue)])),
    venue: (id) => {
      const venue = venues.get(id);
      if (venue === undefined) throw new RangeError(`venue "${id}" is not simulated here`);
      return venue.control;
    },
    truth: (pair) => fair.truth(pair),
    truths: () => fair.truths(),
    setTruth: (pair, text) => trading.publish(fair.set(pair, text)),
    stop: async () => {
      stopping.abort();
      trading.cancel();
      await stopAll(venues);
    },
  };
}

interface World {
  readonly options: ExchangesOptions;
  readonly clock: Clock;
  readonly host: string;
  readonly seed: number;
  readonly fair: FairPrices;
  readonly signal: AbortSignal;
}

async function startVenue(id: VenueId, { options, clock, host, seed, fair, signal }: World): Promise<RunningVenue> {
  const { ports, maxWaitingBytes } = options;
  const { symbolOf, dollarQuotes, firstMessageMs, create } = simulatedVenues[id];
  const faults = noFaults();
  const strikes = createStrikes();
  const nowMs = (): number => clock.nowMs() + faults.skewMs;
  const listings = listMarkets(fair.pairs, dollarQuotes);
  const market = createMarket({ venue: id, seed, listings, fair, faults, strikes, symbolOf, openedMs: clock.nowMs() });
  const protocol = create(market, { nowMs, monotonicMs: () => clock.monotonicMs() });
  const server = await startVenueServer({
    venue: id,
    seed,
    host,
    port: ports?.[id] ?? 0,
    clock,
    protocol,
    faults,
    strikes,
    maxWaitingBytes: maxWaitingBytes ?? Math.max(WAITING_BYTES_MIN, listings.length * WAITING_BYTES_PER_PAIR),
    ...(firstMessageMs !== undefined && { firstMessageMs }),
  });
  const control = createControl({ clock, market, protocol, server, faults, strikes, nowMs, signal });
  return { id, market, protocol, server, control, nowMs };
}

function addressOf(host: string, { protocol, server }: RunningVenue): VenueAddress {
  const authority = `${host}:${server.port}`;
  return { ws: `ws://${authority}${protocol.wsPath}`, rest: `http://${authority}${protocol.restPath}` };
}

async function stopAll(venues: ReadonlyMap<string, RunningVenue>): Promise<void> {
  await Promise.all([...venues.values()].map(({ server }) => server.stop()));
}
