/** Work that Bybit announces on its status socket, and what of it concerns prices of spot markets. */
import { ignored, listOf, textOf, type Fields } from '../json-fields.ts';
import type { VenueEvent } from '../venue-event.ts';
import { timeOfMs } from '../venue-time.ts';

/** `product`. */
const SPOT = 2;
/** `serviceTypes`: matching, and the sockets and REST of market data. */
const TRADING = 1;
const MARKET_DATA = 5;
/** `env`: the venue's demonstration. */
const DEMO = '2';
/** `maintainType`. */
const INCIDENT = '3';

/**
 * Nothing is matched while work on the trading of spot goes on. Work on single accounts (`uidSuffix`) leaves the market
 * as it is, and so does work on order entry or on what accounts are told.
 */
export function decodeWork(item: Fields): VenueEvent {
  const title = textOf(item['title']) ?? 'maintenance';
  const work = textOf(item['id']) ?? title;
  if (String(item['env']) === DEMO) return ignored(`work on the demonstration: ${title}`);
  const services = listOf(item['serviceTypes']);
  const endsConnections = services.includes(MARKET_DATA);
  const stopsTrading = services.includes(TRADING) && listOf(item['uidSuffix']).length === 0;
  const products = listOf(item['product']);
  const isSpot = products.length === 0 || products.includes(SPOT);
  if (!isSpot || !(stopsTrading || endsConnections)) return ignored(`work that no price needs: ${title}`);
  const state = textOf(item['state'])?.toLowerCase();
  if (state === 'completed' || state === 'canceled' || state === 'cancelled')
    return { kind: 'status', state: 'online', message: `${title} ${state}`, maintenance: [], work };
  if (state !== 'scheduled' && state !== 'ongoing') return ignored(`work in an unknown state: ${title}`);
  const startsAt = timeOfMs(item['begin']);
  const endsAt = timeOfMs(item['end']);
  const notice = {
    title,
    ...(startsAt !== undefined && { startsAt }),
    ...(endsAt !== undefined && { endsAt }),
    isEmergency: String(item['maintainType']) === INCIDENT,
    ...(endsConnections && { endsConnections: true as const }),
  };
  const isHalted = state === 'ongoing' && stopsTrading;
  return { kind: 'status', state: isHalted ? 'halted' : 'online', message: title, maintenance: [notice], work };
}
