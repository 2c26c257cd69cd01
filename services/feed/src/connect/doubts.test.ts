/** A quiet market beside a busy one, on a venue that proves both by any frame. */
import { formatDecimal } from '@weir/wire';
import { expect, test } from 'vitest';
import { createSourceQuotes, type Arrival, type SourceQuote } from './source-quotes.ts';

const WALL_MS = Date.parse('2026-11-21T12:00:00Z');

function createPair() {
  const told: SourceQuote[] = [];
  const quotes = createSourceQuotes({
    symbols: ['BUSY', 'QUIET'].map((asset) => ({ asset, quote: 'USD', symbol: asset })),
    proofOfLife: 'connection-heartbeat',
    isSubscribed: () => true,
    isHalted: () => false,
    isOpen: (connection) => connection === 1,
    onQuote: (quote) => told.push(quote),
  });
  const at = (ms: number): Arrival => ({ monotonicMs: ms, wallMs: WALL_MS + ms, connection: 1 });
  const hear = (symbol: string, price: number, venueMs: number, ms: number): string => {
    const venueTime = new Date(WALL_MS + venueMs).toISOString();
    const verdict = quotes.ticker(
      { kind: 'ticker', asset: symbol, quote: 'USD', symbol, price: `${price}`, venueTime },
      at(ms),
    );
    quotes.alive(at(ms));
    return verdict;
  };
  /** Of the quiet one. */
  const last = (): string => {
    const quote = told.findLast(({ asset }) => asset === 'QUIET') ?? expect.unreachable();
    return `${formatDecimal(quote.price)}@${quote.confirmedMonotonicMs}`;
  };
  return { quotes, at, hear, last };
}

test('one frame that is a little late makes a quiet market wait for 2 s, with no other to tell by', () => {
  const { quotes, at, hear, last } = createPair();
  hear('QUIET', 100, 1_000, 1_000);
  expect(hear('QUIET', 99, 998, 1_001)).toBe('older');
  quotes.alive(at(3_000));
  expect(last()).toBe('100@1000');
  quotes.alive(at(4_000));
  expect(last()).toBe('100@4000');
});

test('one frame that is late by more makes it wait until another market shows that no clock was set', () => {
  const { quotes, at, hear, last } = createPair();
  hear('BUSY', 1, 900, 900);
  hear('QUIET', 100, 1_000, 1_000);
  expect(hear('QUIET', 99, 400, 1_100)).toBe('older');
  quotes.alive(at(10_000));
  expect(last()).toBe('100@1000');
  hear('BUSY', 2, 10_980, 11_000);
  quotes.alive(at(12_000));
  expect(last()).toBe('100@12000');
});

test.each([200, 700, 30_000])('a clock that was set back by %i ms proves nothing of what it contradicts', (backMs) => {
  const { hear, last } = createPair();
  for (let ms = 0; ms < 2_000; ms += 100) hear('BUSY', ms, ms, ms);
  hear('QUIET', 100, 2_000, 2_000);
  // The newest there is.
  expect(hear('QUIET', 99, 2_100 - backMs, 2_100)).toBe('older');
  for (let ms = 2_200; ms < 60_000; ms += 100) hear('BUSY', ms, ms - backMs - (ms % 40), ms);
  expect(last()).toBe('100@2000');
});

test('each further frame that contradicts what is known begins the 2 s anew', () => {
  const { hear, last } = createPair();
  hear('BUSY', 1, 0, 0);
  hear('QUIET', 100, 1_000, 1_000);
  for (let ms = 1_500; ms <= 6_000; ms += 500) {
    hear('BUSY', ms, ms, ms);
    // Behind the one before, so that it is nobody's clock.
    expect(hear('QUIET', 99, 990 - ms / 100, ms)).toBe('older');
  }
  expect(last()).toBe('100@1000');
  for (let ms = 6_500; ms <= 9_000; ms += 500) hear('BUSY', ms, ms, ms);
  expect(last()).toBe('100@8500');
});
