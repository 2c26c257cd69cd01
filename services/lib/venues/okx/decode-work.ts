/** Work that OKX announces in its status channel, one piece per frame, and what of it concerns prices of spot markets. */
import { ignored, textOf, type Fields } from '../json-fields.ts';
import type { VenueEvent } from '../venue-event.ts';
import { timeOfMs } from '../venue-time.ts';

/** `serviceType`. Trading of spot had a number of its own before all trading had one. */
const WEBSOCKET = '0';
const TRADING: readonly string[] = ['1', '5'];
/** `env`: the venue's demonstration. */
const DEMO = '2';
/** `maintType`. */
const DISRUPTION = '3';

/**
 * Nothing is matched from the beginning of work on trading to its end; between (`pre_open`) orders are only taken in.
 * Work on batches of accounts or of products (8, 9), on bots, copy and block trading leaves the markets as they are.
 */
export function decodeWork(item: Fields): VenueEvent {
  const title = textOf(item['title']) ?? 'maintenance';
  const service = textOf(item['serviceType']) ?? '';
  // Whatever is moved to another time keeps its title.
  const work = textOf(item['id']) ?? `${service} ${title}`;
  if (item['env'] === DEMO) return ignored(`work on the demonstration: ${title}`);
  const stopsTrading = TRADING.includes(service);
  if (!stopsTrading && service !== WEBSOCKET) return ignored(`work that no price needs: ${title}`);
  const state = textOf(item['state']);
  if (state === 'completed' || state === 'canceled')
    return { kind: 'status', state: 'online', message: `${title} ${state}`, maintenance: [], work };
  if (state !== 'scheduled' && state !== 'ongoing' && state !== 'pre_open')
    return ignored(`work in an unknown state: ${title}`);
  const startsAt = timeOfMs(item['begin']);
  const endsAt = timeOfMs(item['end']);
  const notice = {
    title,
    ...(startsAt !== undefined && { startsAt }),
    ...(endsAt !== undefined && { endsAt }),
    isEmergency: item['maintType'] === DISRUPTION,
    ...(service === WEBSOCKET && { endsConnections: true as const }),
  };
  const isHalted = stopsTrading && state !== 'scheduled';
  return { kind: 'status', state: isHalted ? 'halted' : 'online', message: title, maintenance: [notice], work };
}
