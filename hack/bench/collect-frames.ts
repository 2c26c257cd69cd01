/** Frames with prices, as simulated venues send them to whoever asks in the way of Weir's connector. */
import { demoPair, startExchanges, venueIds, type VenueId } from '@weir/exchanges';
import { findVenue, type Venue } from '../../services/lib/venues/index.ts';

export interface VenueFrames {
  readonly venue: Venue;
  readonly frames: readonly string[];
}

const ASSETS = ['BTC', 'ETH', 'SOL', 'XRP', 'DOGE', 'ADA', 'AVAX', 'LINK', 'DOT', 'LTC'];
const TICKS_PER_SECOND = 2_000;

/** So many of every venue; `urlOf` may name another protocol of a venue. */
export async function collectFrames(
  count: number,
  choose: (id: VenueId, venue: Venue, url: string) => { readonly venue: Venue; readonly url: string },
): Promise<ReadonlyMap<VenueId, VenueFrames>> {
  const exchanges = await startExchanges({
    venues: venueIds,
    pairs: ['USDT', ...ASSETS].map((asset) => demoPair(asset, 'USD')),
    ticksPerSecond: TICKS_PER_SECOND,
  });
  try {
    const collected = new Map<VenueId, VenueFrames>();
    for (const id of venueIds) {
      const found = findVenue(id);
      const address = exchanges.addresses[id];
      if (found === undefined || address === undefined) throw new Error(`${id} is not simulated`);
      const { venue, url } = choose(id, found, address.ws);
      const symbols = await listSymbols(found, address.rest);
      collected.set(id, { venue, frames: await listen(venue, url, symbols, count) });
    }
    return collected;
  } finally {
    await exchanges.stop();
  }
}

async function listSymbols({ rest, settlement }: Venue, restUrl: string): Promise<readonly string[]> {
  const symbols: string[] = [];
  for (const { path } of rest.instrumentRequests) {
    const response = await fetch(restUrl + path);
    const answer = rest.decodeInstruments({
      status: response.status,
      body: await response.text(),
      receivedMs: Date.now(),
    });
    if (answer.kind !== 'ok') throw new Error(`no list of markets at ${path}`);
    for (const { asset, quote, symbol } of answer.value) {
      if (ASSETS.includes(asset) && quote === settlement) symbols.push(symbol);
    }
  }
  return symbols;
}

const isPrice = (venue: Venue, frame: string): boolean =>
  venue.decode(frame).some(({ kind }) => kind === 'ticker' || kind === 'quote' || kind === 'trade');

function listen(venue: Venue, url: string, symbols: readonly string[], count: number): Promise<readonly string[]> {
  const frames: string[] = [];
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.addEventListener('error', () => reject(new Error(`${venue.id} does not take the connection`)));
    socket.addEventListener('open', () => {
      const { symbolsPerFrame } = venue.limits;
      for (let at = 0; at < symbols.length; at += symbolsPerFrame) {
        for (const frame of venue.subscribeFrames(symbols.slice(at, at + symbolsPerFrame), at + 1, Date.now()))
          socket.send(frame);
      }
    });
    socket.addEventListener('message', ({ data }) => {
      const frame = String(data);
      if (!isPrice(venue, frame)) return;
      frames.push(frame);
      if (frames.length < count) return;
      socket.close();
      resolve(frames);
    });
  });
}
