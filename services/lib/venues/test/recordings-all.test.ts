import { expect, test } from 'vitest';
import { venues, type Venue } from '../index.ts';
import { findRecordings, readFrames } from './recordings.ts';

/**
 * By file: frames, and those of them of which anything is used. The rest is ignored, each with a reason: protocols of
 * before, other interfaces of the venue, channels that nobody asks for.
 */
const EXPECTED: Readonly<Record<string, readonly [number, number]>> = {
  'coinbase/ccxt-rest.responses.jsonl': [3, 0],
  'coinbase/cryptofeed-coinbase.tickers-trades.subset.jsonl': [217, 217],
  'coinbase/nautilus/http_product.json': [1, 0],
  'coinbase/nautilus/http_product_book.json': [1, 0],
  'coinbase/nautilus/http_products.json': [1, 0],
  'coinbase/nautilus/http_ticker.json': [1, 0],
  'coinbase/nautilus/ws_heartbeats.json': [1, 0],
  'coinbase/nautilus/ws_market_trades.json': [1, 0],
  'coinbase/nautilus/ws_subscriptions.json': [1, 0],
  'coinbase/nautilus/ws_ticker.json': [1, 0],
  'coinbase/tardis-node-coinbase-exchange.messages.jsonl': [9, 4],
  'kraken/connect-rest-ticker-batch.jsonl': [2, 0],
  'kraken/cryptofeed-kraken.tickers-trades.subset.jsonl': [151, 0],
  'kraken/gct-kraken-v1-docs-examples.jsonl': [5, 0],
  'kraken/nautilus/http_asset_pairs.json': [1, 0],
  'kraken/nautilus/http_server_time.json': [1, 0],
  'kraken/nautilus/http_system_status.json': [1, 0],
  'kraken/nautilus/http_ticker.json': [1, 0],
  'kraken/nautilus/ws_pong.json': [1, 1],
  'kraken/nautilus/ws_subscribe_response.json': [1, 1],
  'kraken/nautilus/ws_ticker_snapshot.json': [1, 1],
  'kraken/nautilus/ws_trade_update.json': [1, 1],
  'kraken/tardis-node-kraken-v1.messages.jsonl': [8, 0],
  'kraken/tardis-node-kraken-v2.messages.jsonl': [6, 4],
  'gemini/ccxt-rest.responses.jsonl': [4, 0],
  'gemini/cryptofeed-gemini.tickers-trades.subset.jsonl': [23, 0],
  'gemini/tardis-node-gemini-v2.messages.jsonl': [4, 0],
  'gemini/tardis-node-gemini-v3.messages.jsonl': [4, 2],
  'gateio/cryptofeed-gateio.tickers-trades.subset.jsonl': [53, 32],
  'gateio/tardis-node-gate-v3-obsolete.messages.jsonl': [6, 0],
  'gateio/tardis-node-gate-v4-obu.messages.jsonl': [3, 0],
  'gateio/tardis-node-gate-v4.messages.jsonl': [4, 2],
  'bybit/cryptofeed-bybit.tickers-trades.subset.jsonl': [162, 0],
  'bybit/nautilus/http_get_instruments_spot.json': [1, 0],
  'bybit/nautilus/http_get_trades_recent.json': [1, 0],
  'bybit/nautilus/ws_public_trade.json': [1, 0],
  'bybit/nautilus/ws_subscription_ack.json': [1, 1],
  'bybit/nautilus/ws_subscription_failure.json': [1, 1],
  'bybit/nautilus/ws_ticker_linear.json': [1, 0],
  'bybit/tardis-node-bybit-spot-v5.messages.jsonl': [6, 4],
  'okx/cryptofeed-okx.tickers-trades.subset.jsonl': [120, 103],
  'okx/nautilus/http_get_instruments_spot.json': [1, 0],
  'okx/nautilus/http_get_trades.json': [1, 0],
  'okx/nautilus/ws_bbo_tbt.json': [1, 0],
  'okx/nautilus/ws_instruments.json': [1, 0],
  'okx/nautilus/ws_tickers.json': [1, 1],
  'okx/nautilus/ws_trades.json': [1, 1],
  'okx/tardis-node-okx-v5.messages.jsonl': [6, 2],
};

/** Of protocols that a venue has given up, or that are spoken elsewhere. */
const OBSOLETE = /-v1|-v3-obsolete|kraken\/cryptofeed|bybit\/cryptofeed|gemini-v2|gemini\/cryptofeed|http_|rest/;

const recordings = findRecordings();

// The recordings are not part of the repository: licences differ.
const testRecorded = test.skipIf(recordings === undefined);

function countFrames(venue: Venue, frames: readonly string[]): { readonly decoded: number; readonly ignored: number } {
  let decoded = 0;
  let ignored = 0;
  for (const frame of frames) {
    const events = venue.decode(frame);
    const isUsed = events.some(({ kind }) => kind !== 'ignored');
    if (isUsed) decoded += 1;
    else if (events.length > 0 && events.every((event) => event.kind === 'ignored' && event.why !== '')) ignored += 1;
  }
  return { decoded, ignored };
}

testRecorded.each(Object.values(venues))(
  '$title: every recorded frame is decoded, or ignored with a reason',
  (venue) => {
    const counts = readFrames(recordings ?? '', venue.id).map(({ name, frames }) => {
      const { decoded, ignored } = countFrames(venue, frames);
      expect([name, decoded + ignored]).toEqual([name, frames.length]);
      return [`${venue.id}/${name}`, [frames.length, decoded]] as const;
    });
    const expected = Object.entries(EXPECTED).filter(([name]) => name.startsWith(`${venue.id}/`));
    expect(Object.fromEntries(counts)).toEqual(Object.fromEntries(expected));
    for (const [name, [, decoded]] of counts) if (OBSOLETE.test(name)) expect([name, decoded]).toEqual([name, 0]);
  },
);
