/** The venues that can be simulated, by id. */
import { bybit } from './bybit.ts';
import { coinbase } from './coinbase.ts';
import { gateio } from './gateio.ts';
import { gemini } from './gemini.ts';
import { kraken } from './kraken.ts';
import { okx } from './okx.ts';
import type { SimulatedVenue } from './protocol.ts';

const VENUES = {
  coinbase,
  kraken,
  gemini,
  gateio,
  bybit,
  okx,
} as const satisfies Readonly<Record<string, SimulatedVenue>>;

export type VenueId = keyof typeof VENUES;

export const simulatedVenues: Readonly<Record<VenueId, SimulatedVenue>> = VENUES;

/** How the venue spells a market, whether or not it has one. */
export function spellSymbol(venue: VenueId, asset: string, quote: string): string {
  return simulatedVenues[venue].symbolOf(asset, quote);
}

// The keys of this very record.
export const venueIds = Object.keys(VENUES) as readonly VenueId[];
