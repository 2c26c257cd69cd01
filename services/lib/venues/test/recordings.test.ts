import { beforeEach, describe, expect, test } from 'vitest';
import { findVenue, type VenueEvent } from '../index.ts';
import { findRecordings, readFrames, type RecordedFile } from './recordings.ts';

const recordings = findRecordings();

function read(venue: string): {
  readonly files: readonly RecordedFile[];
  decode(frame: string): readonly VenueEvent[];
} {
  const found = findVenue(venue);
  if (found === undefined) throw new Error(`no venue ${venue}`);
  return { files: readFrames(recordings ?? '', venue), decode: found.decode };
}

function countKinds(events: readonly VenueEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

// The recordings are not part of the repository: licences differ.
describe('recorded traffic', () => {
  beforeEach(({ skip }) => {
    skip(
      recordings === undefined,
      'recordings are missing: they are read from ../shared/recordings, beside the repository',
    );
  });

  test('Coinbase: 107 tickers and 97 matches are decoded, none lost', () => {
    const { files, decode } = read('coinbase');
    const subset = files.find(({ name }) => name.includes('cryptofeed'));
    const frames = subset?.frames ?? [];
    const events = frames.map(decode);
    expect(frames).toHaveLength(217);
    expect(events.every(({ length }) => length === 1)).toBe(true);
    expect(countKinds(events.flat())).toEqual({ ticker: 107, trade: 97, 'past-trade': 10, subscribed: 3 });
    // The same numbers, read without the decoder: only padding may differ.
    for (const [index, frame] of frames.entries()) {
      const event = events[index]?.[0];
      if (event?.kind !== 'ticker' && event?.kind !== 'trade') continue;
      const raw = JSON.parse(frame) as {
        readonly price: string;
        readonly product_id: string;
        readonly trade_id: number;
      };
      expect(event).toMatchObject({ symbol: raw.product_id, tradeId: String(raw.trade_id) });
      expect(raw.price.replace(/\.?0+$/, '')).toBe(event.price.replace(/(?<=\..*)0+$/, ''));
    }
  });

  test('Coinbase: single frames of 2019 to 2022', () => {
    const { files, decode } = read('coinbase');
    const frames = files.find(({ name }) => name.includes('tardis'))?.frames ?? [];
    const events = frames.flatMap(decode);
    expect(countKinds(events)).toEqual({ trade: 1, ignored: 5, ticker: 3 });
    expect(events.filter(({ kind }) => kind === 'ticker')).toMatchObject([
      { price: '4095', bid: '4094.99', ask: '4095' },
      { price: '58800.01', bid: '58800', ask: '58800.01' },
      { price: '17165.16', bid: '17165.15', ask: '17167.76' },
    ]);
  });

  test('Coinbase: frames of Advanced Trade and answers of REST are another protocol', () => {
    const { files, decode } = read('coinbase');
    const others = files.filter(({ name }) => name.includes('nautilus') || name.includes('ccxt'));
    expect(others.length).toBeGreaterThan(5);
    for (const { frames } of others) {
      for (const frame of frames) expect(decode(frame)).toMatchObject([{ kind: 'ignored' }]);
    }
  });

  test('Kraken: version 2 frames are decoded with exact decimals', () => {
    const { files, decode } = read('kraken');
    const framesOf = (part: string): readonly string[] => files.find(({ name }) => name.includes(part))?.frames ?? [];
    expect(framesOf('kraken-v2').flatMap(decode)).toMatchObject([
      { kind: 'past-trade', price: '100.1', size: '0.25', tradeId: '122' },
      { kind: 'trade', price: '100.1', size: '0.25', tradeId: '123', tradeTime: '2026-07-10T00:00:00.123456Z' },
      { kind: 'ignored', why: 'channel "book" is not used' },
      { kind: 'ignored', why: 'channel "book" is not used' },
      { kind: 'quote', symbol: 'BTC/USD', bid: '99.9', ask: '100.1' },
      { kind: 'quote', symbol: 'ANETx/USD', asset: 'ANETX' },
    ]);
    expect(framesOf('ws_ticker_snapshot').flatMap(decode)).toEqual([
      {
        kind: 'ticker',
        symbol: 'BTC/USD',
        asset: 'BTC',
        quote: 'USD',
        price: '105899.4',
        bid: '105944.2',
        ask: '105944.3',
        venueTime: '2022-12-25T09:30:59.123456Z',
      },
    ]);
    expect(framesOf('ws_trade_update').flatMap(decode)).toMatchObject([
      { kind: 'trade', price: '105944.2', size: '0.00027625', side: 'buy' },
      { kind: 'trade', price: '105910.5', size: '0.0001246', side: 'sell' },
    ]);
    expect(framesOf('ws_subscribe_response').flatMap(decode)).toMatchObject([
      { kind: 'subscribed', symbols: ['BTC/USD'], complete: false, requestId: 1 },
    ]);
    expect(framesOf('ws_pong').flatMap(decode)).toEqual([{ kind: 'pong' }]);
  });

  test('Kraken: everything of version 1 and of REST is ignored without harm', () => {
    const { files, decode } = read('kraken');
    const old = files.filter(({ name }) => /-v1|cryptofeed|connect-rest|http_/.test(name));
    const frames = old.flatMap((file) => file.frames);
    expect(frames.length).toBeGreaterThan(150);
    for (const frame of frames) expect(decode(frame)).toMatchObject([{ kind: 'ignored' }]);
  });
});
