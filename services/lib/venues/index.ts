/**
 * The exchanges Weir can listen to. A venue is one folder: what it says (`decode`), how it is asked, what it tolerates.
 *
 * Guarantees: `decode` never throws, answers at least one event for any text, keeps every digit of every price, and
 * never makes a price up: zero, empty and unreadable values are absent. Does not: open sockets, keep time, or remember
 * anything from one frame to the next. How to add a venue: `docs/venues.md`.
 */
import { bybit } from './bybit/bybit.ts';
import { coinbase } from './coinbase/coinbase.ts';
import { gateio } from './gateio/gateio.ts';
import { gemini } from './gemini/gemini.ts';
import { kraken } from './kraken/kraken.ts';
import { okx } from './okx/okx.ts';
import type { Venue } from './venue.ts';

export type { ProofOfLife, Settlement, StatusSocket, Venue, VenueLimits, VenueTiming } from './venue.ts';
export type {
  Instrument,
  RestAnswer,
  RestPrice,
  RestRefusal,
  RestRequest,
  RestResponse,
  VenueRest,
} from './venue-rest.ts';
export type {
  HeartbeatEvent,
  MaintenanceNotice,
  QuoteEvent,
  RejectedEvent,
  StatusEvent,
  SubscribedEvent,
  TickerEvent,
  VenueEvent,
} from './venue-event.ts';

/** By id. */
export const venues: Readonly<Record<string, Venue>> = { coinbase, kraken, gemini, gateio, bybit, okx };

export function findVenue(id: string): Venue | undefined {
  return Object.hasOwn(venues, id) ? venues[id] : undefined;
}
