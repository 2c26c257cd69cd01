import { beforeEach, describe, expect, test } from 'vitest';
import { findVenue, type VenueEvent } from '../index.ts';
import { findRecordings, readFrames } from './recordings.ts';

const recordings = findRecordings();

interface DecodedFile {
  readonly name: string;
  readonly frames: readonly string[];
  /** By frame. */
  readonly events: readonly (readonly VenueEvent[])[];
}

function decodeFiles(venue: string): readonly DecodedFile[] {
  const found = findVenue(venue);
  if (found === undefined) throw new Error(`no venue ${venue}`);
  return readFrames(recordings ?? '', venue).map(({ name, frames }) => ({
    name,
    frames,
    events: frames.map((frame) => found.decode(frame)),
  }));
}

/** A frame is decoded when anything in it is of use. */
function countFrames({ events }: DecodedFile): { readonly decoded: number; readonly ignored: number } {
  const decoded = events.filter((ofFrame) => ofFrame.some(({ kind }) => kind !== 'ignored')).length;
  return { decoded, ignored: events.length - decoded };
}

function kindsOf(events: readonly VenueEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function fileOf(files: readonly DecodedFile[], part: string): DecodedFile {
  const file = files.find(({ name }) => name.includes(part));
  if (file === undefined) throw new Error(`no recording ${part}`);
  return file;
}

// The recordings are not part of the repository: licences differ.
describe('recorded traffic', () => {
  beforeEach(({ skip }) => {
    skip(
      recordings === undefined,
      'recordings are missing: they are read from ../shared/recordings, beside the repository',
    );
  });

  test.each(['bybit', 'okx'])('%s: every frame of every file is decoded or ignored, with a reason', (venue) => {
    const files = decodeFiles(venue);
    expect(files.length).toBeGreaterThan(6);
    for (const file of files) {
      const { decoded, ignored } = countFrames(file);
      expect(decoded + ignored, file.name).toBe(file.frames.length);
      for (const event of file.events.flat()) if (event.kind === 'ignored') expect(event.why).not.toBe('');
    }
  });

  test('Bybit: every frame of version 5 of spot is decoded, deeper books are ignored', () => {
    const file = fileOf(decodeFiles('bybit'), 'bybit-spot-v5');
    expect(countFrames(file)).toEqual({ decoded: 4, ignored: 2 });
    expect(file.events.flat().filter(({ kind }) => kind !== 'trade')).toMatchObject([
      { kind: 'quote', symbol: 'BTCUSDT', bid: '28165.07', ask: '28165.08', sequence: 4281281856 },
      { kind: 'quote', symbol: 'BTCUSDT', bid: '28165.07', venueTime: '2023-04-05T00:00:06.615Z' },
      { kind: 'ignored', why: 'topic "orderbook.50.BTCUSDT" is not used' },
      { kind: 'ignored', why: 'topic "orderbook.50.BTCUSDT" is not used' },
    ]);
    // The same trades, read without the decoder.
    const trades = file.frames.flatMap((frame) => {
      const { topic, data } = JSON.parse(frame) as { readonly topic: string; readonly data: readonly { i: string }[] };
      return topic.startsWith('publicTrade') ? data.map(({ i }) => i) : [];
    });
    const decoded = file.events.flat().flatMap((event) => (event.kind === 'trade' ? [event.tradeId] : []));
    expect(decoded).toEqual(trades);
    expect(trades.length).toBeGreaterThan(2);
  });

  test('Bybit: answers are decoded; version 2, derivatives and REST are ignored', () => {
    const files = decodeFiles('bybit');
    expect(fileOf(files, 'subscription_ack').events).toEqual([[{ kind: 'subscribed', symbols: [], complete: false }]]);
    expect(fileOf(files, 'subscription_failure').events).toEqual([
      [{ kind: 'rejected', symbols: ['BTCUSDT'], reason: 'Invalid topic: invalid.topic.BTCUSDT' }],
    ]);
    for (const part of ['cryptofeed', 'linear', 'public_trade', 'http_']) {
      const file = fileOf(files, part);
      expect(countFrames(file), part).toEqual({ decoded: 0, ignored: file.frames.length });
    }
    expect(fileOf(files, 'cryptofeed').frames.length).toBeGreaterThan(100);
  });

  test('OKX: every ticker, trade and answer of 2021 to 2023 is decoded, books are ignored', () => {
    const files = decodeFiles('okx');
    const single = fileOf(files, 'okx-v5');
    expect(countFrames(single)).toEqual({ decoded: 2, ignored: 4 });
    expect(single.events.flat().filter(({ kind }) => kind !== 'ignored')).toMatchObject([
      { kind: 'trade', symbol: 'CRV-USDT', price: '3.973', tradeTime: '2021-12-20T11:21:59.938Z' },
      { kind: 'ticker', symbol: 'ACT-USDT', price: '0.00718', bid: '0.00713', ask: '0.0072' },
    ]);
    expect(fileOf(files, 'ws_tickers').events.flat()).toMatchObject([{ kind: 'ticker', price: '9999.99' }]);
    expect(fileOf(files, 'ws_trades').events.flat()).toMatchObject([{ kind: 'trade', price: '42219.9' }]);
    for (const part of ['ws_bbo', 'ws_instruments', 'http_'])
      expect(countFrames(fileOf(files, part)).decoded, part).toBe(0);
  });

  test('OKX: of 2022 every frame of a spot market is decoded to the digit', () => {
    const file = fileOf(decodeFiles('okx'), 'cryptofeed');
    const kinds = kindsOf(file.events.flat());
    expect(kinds['ticker']).toBeGreaterThan(5);
    for (const [index, frame] of file.frames.entries()) {
      const { event, arg, data } = JSON.parse(frame) as {
        readonly event?: string;
        readonly arg: { readonly channel: string; readonly instId: string };
        readonly data?: readonly { readonly last?: string; readonly px?: string }[];
      };
      const isSpot = /^[A-Z0-9]+-[A-Z]+$/.test(arg.instId);
      const [first] = file.events[index] ?? [];
      if (event === 'subscribe') expect(first?.kind).toBe(arg.channel === 'tickers' ? 'subscribed' : 'ignored');
      else if (!isSpot) expect(first?.kind).toBe('ignored');
      else if (first?.kind === 'ticker' || first?.kind === 'trade')
        expect(Number(first.price)).toBe(Number(data?.[0]?.last ?? data?.[0]?.px));
      else expect.fail(`${frame} is not decoded`);
    }
  });
});
