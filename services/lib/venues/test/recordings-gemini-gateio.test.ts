import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { findVenue, type Instrument, type RestAnswer, type Venue, type VenueEvent } from '../index.ts';
import { readPrices } from './read-prices.ts';
import { findRecordings, readFrames } from './recordings.ts';

const recordings = findRecordings() ?? '';

function venueOf(id: string): Venue {
  const venue = findVenue(id);
  if (venue === undefined) throw new Error(`no venue ${id}`);
  return venue;
}

function framesOf(id: string, part: string): readonly string[] {
  const frames = readFrames(recordings, id).filter(({ name }) => name.includes(part));
  if (frames.length !== 1) throw new Error(`${frames.length} recordings of ${id} named ${part}`);
  return frames[0]?.frames ?? [];
}

/** Every frame is one event at least, and none is lost. */
function decodeAll(venue: Venue, frames: readonly string[]): readonly VenueEvent[] {
  const events = frames.map((frame) => venue.decode(frame));
  expect(events.every(({ length }) => length > 0)).toBe(true);
  return events.flat();
}

function countKinds(events: readonly VenueEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

const bodiesOf = (file: string): ReadonlyMap<string, string> =>
  new Map(
    gunzipSync(readFileSync(join(recordings, file)))
      .toString()
      .split('\n')
      .flatMap((line) => {
        const [, url, body] = /^(https:\S+) -> [\d.]+: (.*)$/.exec(line) ?? [];
        return url === undefined || body === undefined ? [] : [[url, body] as const];
      }),
  );
const answer = (body: string) => ({ status: 200, body, receivedMs: 0 });
const valueOf = <T>(result: RestAnswer<T>): T => {
  if (result.kind === 'refused') throw new Error(result.reason);
  return result.value;
};

// The recordings are not part of the repository: licences differ.
beforeEach(({ skip }) => {
  skip(recordings === '', 'recordings are missing: they are read from ../shared/recordings, beside the repository');
});

describe('Gemini', () => {
  test('every frame of the current protocol that holds a price is decoded', () => {
    expect(decodeAll(venueOf('gemini'), framesOf('gemini', 'gemini-v3'))).toEqual([
      { kind: 'ignored', why: 'event "depthUpdate" is not used' },
      {
        kind: 'trade',
        symbol: 'btcrlusd',
        asset: 'BTC',
        quote: 'RLUSD',
        price: '62145.38',
        size: '0.01625222',
        side: 'sell',
        tradeTime: '2026-07-13T22:19:00.085Z',
        tradeId: '2840141014190422',
      },
      {
        kind: 'ticker',
        symbol: 'xrpgusd',
        asset: 'XRP',
        quote: 'GUSD',
        price: '1.06125',
        bid: '1.06149',
        ask: '1.0615',
        venueTime: '2026-07-13T22:19:00.076Z',
        sequence: 1764549594389752,
      },
      { kind: 'ignored', why: 'event "depthUpdate" is not used' },
    ]);
  });

  test('the archived protocol is ignored by the current one, and decoded where an address asks for it', () => {
    const gemini = venueOf('gemini');
    const archived = gemini.at?.('wss://api.gemini.com/v2/marketdata/');
    if (archived === undefined) throw new Error('the archived protocol is gone');
    const old = [...framesOf('gemini', 'gemini-v2'), ...framesOf('gemini', 'tickers-trades')];
    for (const frame of old) expect(gemini.decode(frame)).toMatchObject([{ kind: 'ignored' }]);
    expect(countKinds(decodeAll(archived, framesOf('gemini', 'gemini-v2')))).toEqual({ ignored: 3, trade: 1 });
    const live = framesOf('gemini', 'tickers-trades');
    expect(live).toHaveLength(23);
    const events = decodeAll(archived, live);
    expect(countKinds(events)).toEqual({ heartbeat: 7, trade: 16 });
    expect(events.at(-2)).toEqual({
      kind: 'trade',
      symbol: 'alcxusd',
      asset: 'ALCX',
      quote: 'USD',
      price: '303.05',
      size: '8.12974',
      side: 'buy',
      tradeTime: '2021-06-24T00:14:54.054Z',
      tradeId: '45465890462',
    });
  });

  test('the list of symbols is split as the details of each symbol say', () => {
    const bodies = bodiesOf('gemini/cryptofeed-GEMINI.0.gz');
    const list = bodies.get('https://api.gemini.com/v1/symbols') ?? '';
    const split = valueOf(venueOf('gemini').rest.decodeInstruments(answer(list)));
    const details = [...bodies].flatMap(([url, body]) => {
      if (!url.includes('/details/')) return [];
      // What the venue says of one symbol.
      const { symbol, base_currency, quote_currency } = JSON.parse(body) as Record<string, string>;
      return [{ asset: base_currency, quote: quote_currency, symbol: symbol?.toLowerCase() }];
    });
    expect(details.length).toBeGreaterThan(69);
    expect(split).toHaveLength(71);
    for (const detail of details) expect(split).toContainEqual(detail);
  });

  test('single tickers are read with their book', () => {
    const { rest } = venueOf('gemini');
    const lines = framesOf('gemini', 'ccxt-rest').slice(1);
    const bodies = lines.map((line) => JSON.parse(line) as { readonly req: string; readonly raw: string });
    const read = (part: string, market: Instrument): unknown => {
      const raw = bodies.find(({ req }) => req.includes(part))?.raw ?? '';
      return readPrices(rest, answer(raw), [market]);
    };
    expect(read('btcusdt', { asset: 'BTC', quote: 'USDT', symbol: 'btcusdt' })).toEqual({
      kind: 'ok',
      value: [{ asset: 'BTC', quote: 'USDT', price: '73268.24', bid: '73367.96', ask: '73385.27' }],
    });
    expect(read('usdcusd', { asset: 'USDC', quote: 'USD', symbol: 'usdcusd' })).toMatchObject({
      value: [{ price: '1.00026', bid: '1.00001', ask: '1.00026' }],
    });
  });
});

describe('Gate', () => {
  test('every ticker and trade of a recording is decoded, to the digit', () => {
    const frames = framesOf('gateio', 'tickers-trades');
    const events = decodeAll(venueOf('gateio'), frames);
    expect(frames).toHaveLength(53);
    expect(countKinds(events)).toEqual({ ticker: 22, trade: 9, subscribed: 1, ignored: 21 });
    for (const [index, frame] of frames.entries()) {
      const event = events[index];
      if (event?.kind !== 'ticker' && event?.kind !== 'trade') continue;
      const { result } = JSON.parse(frame) as { readonly result: Record<string, string> };
      const raw = result['last'] ?? result['price'] ?? '';
      expect(event.symbol).toBe(result['currency_pair']);
      expect(raw.replace(/(?<=\..*?)0+$/, '').replace(/\.$/, '')).toBe(event.price);
      expect(event.kind === 'ticker' ? event.venueTime : event.tradeTime).toMatch(/^2021-04-22T12:1/);
    }
    const ignored = new Set(events.flatMap((event) => (event.kind === 'ignored' ? [event.why] : [])));
    expect([...ignored].every((why) => /^answer for channel "spot\.\w+" is not used$/.test(why))).toBe(true);
  });

  test('single frames of 2023 and 2025', () => {
    const gateio = venueOf('gateio');
    expect(decodeAll(gateio, framesOf('gateio', 'gate-v4.messages'))).toMatchObject([
      { kind: 'trade', symbol: 'TLOS_BTC', price: '0.00000644', tradeTime: '2023-04-28T13:37:26.123Z' },
      { kind: 'quote', symbol: 'ETC_ETH', bid: '0.010326', ask: '0.010366', sequence: 517377894 },
      { kind: 'ignored' },
      { kind: 'ignored', why: 'channel "spot.order_book_update" is not used' },
    ]);
    expect(countKinds(decodeAll(gateio, framesOf('gateio', 'v4-obu')))).toEqual({ ignored: 3 });
  });

  test('version 3 is ignored without harm', () => {
    const events = decodeAll(venueOf('gateio'), framesOf('gateio', 'v3-obsolete'));
    expect(events).toHaveLength(6);
    for (const event of events) expect(event).toMatchObject({ kind: 'ignored', why: /^version 3 of the protocol/ });
  });

  test('pairs come from the list of the venue, those that can be traded', () => {
    const body =
      bodiesOf('gateio/cryptofeed-GATEIO.0.gz').get('https://api.gateio.ws/api/v4/spot/currency_pairs') ?? '';
    const instruments = valueOf(venueOf('gateio').rest.decodeInstruments(answer(body)));
    const rows = JSON.parse(body) as readonly { readonly trade_status: string }[];
    expect(instruments).toHaveLength(rows.filter(({ trade_status: status }) => status !== 'untradable').length);
    expect(instruments.length).toBeGreaterThan(900);
    expect(instruments).toContainEqual({ asset: 'BTC', quote: 'USDT', symbol: 'BTC_USDT' });
    expect(instruments).not.toContainEqual({ asset: 'SAL', quote: 'USDT', symbol: 'SAL_USDT' });
  });
});
