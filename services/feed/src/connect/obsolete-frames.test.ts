import { createFakeClock } from '@weir/testing';
import { findVenue } from '@weir/venues';
import { expect, test } from 'vitest';
import { createConnector } from './connector.ts';
import type { SocketHandlers } from './socket.ts';

/** What these venues sent, or still send, in protocols that nobody asks for. */
const OBSOLETE: Readonly<Record<string, readonly string[]>> = {
  coinbase: ['{"channel":"ticker","timestamp":"2026-04-07T00:00:00Z","events":[]}'],
  kraken: ['[1337,{"c":["5525.10000","0.003"]},"ticker","XBT/USD"]', '{"event":"heartbeat"}'],
  gemini: [
    '{"type":"trade","symbol":"BTCUSD","event_id":1,"timestamp":1569888020080,"price":"8325.00","quantity":"0.1"}',
  ],
  gateio: ['{"method":"ticker.update","params":["BTC_USDT",{"last":"9185.1"}],"id":null}'],
  bybit: ['{"topic":"trade.BTCUSDT","data":[{"symbol":"BTCUSDT","price":"60000.5","side":"Buy"}]}'],
  okx: ['{"arg":{"channel":"books-l2-tbt","instId":"BTC-USDT"},"action":"update","data":[{}]}'],
};
const MINUTES = 5;
const FRAMES_PER_SECOND = 50;

test.each(Object.entries(OBSOLETE))(
  '%s: a flood of obsolete frames is one line of log a minute, and no price',
  async (id, frames) => {
    const venue = findVenue(id);
    if (venue === undefined) throw new Error(`no venue ${id}`);
    const clock = createFakeClock();
    const lines: { readonly message: string; readonly count: unknown }[] = [];
    const sockets: SocketHandlers[] = [];
    const quotes: unknown[] = [];
    const log = (data: { readonly count?: unknown }, message: string): void =>
      void lines.push({ message, count: data.count });
    const connector = createConnector({
      venue,
      url: 'wss://venue.test/ws',
      symbols: [{ asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' }],
      clock,
      // The levels that a connector writes.
      logger: { debug: () => undefined, info: log, warn: log } as never,
      telemetry: { counter: () => ({ add: () => undefined, value: 0 }) },
      random: () => 0.5,
      onQuote: (quote) => quotes.push(quote),
      onHalted: () => undefined,
      onStatus: () => undefined,
      openSocket: (_url, _timeoutMs, handlers) => {
        sockets.push(handlers);
        return { send: () => undefined, ping: () => undefined, terminate: () => undefined, closed: Promise.resolve() };
      },
    });
    connector.start();
    let opened = 0;
    for (let second = 0; second < MINUTES * 60; second++) {
      // Without an answer to its subscription it gives up and connects again, as often as it is allowed to.
      for (; opened < sockets.length; opened++) sockets[opened]?.onOpen();
      for (let n = 0; n < FRAMES_PER_SECOND; n++) {
        sockets.at(-1)?.onFrame(frames[n % frames.length] ?? '');
      }
      await clock.advance(1_000);
    }
    const told = lines.filter(({ message }) => message === 'frames ignored');
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThanOrEqual(MINUTES);
    // Those between two connections and those since the last line are in no count.
    const counted = told.reduce((sum, { count }) => sum + Number(count), 0);
    expect(counted).toBeGreaterThan(60 * FRAMES_PER_SECOND);
    expect(quotes).toEqual([]);
    await connector.stop();
  },
);
