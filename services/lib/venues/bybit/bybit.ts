/** Bybit, spot markets of version 5 of its API. Regional hosts speak the same: they are a source's `url`. */
import type { Venue } from '../venue.ts';
import { decodeBybit } from './decode.ts';
import { bybitRest } from './rest.ts';

const SPOT_PATH = '/v5/public/spot';

export const bybit: Venue = {
  id: 'bybit',
  title: 'Bybit',
  defaultUrl: 'wss://stream.bybit.com/v5/public/spot',
  defaultRestUrl: 'https://api.bybit.com',
  // Every book is repeated after 3 s without a change. The venue recommends a ping every 20 s, whatever comes.
  timing: { pingAfterMs: 5_000, pingEveryMs: 20_000, deadAfterMs: 10_000, ackMs: 5_000, firstDataMs: 10_000 },
  limits: {
    // A request may hold 10 topics, and each symbol has two.
    symbolsPerFrame: 5,
    // The topics of a connection may be 21,000 characters long; with symbols of 20 characters those of 300 are 19,800.
    symbolsPerConnection: 300,
    // Published: 500 connections per 5 minutes and address. 50 + 1 × 300 s = 350 leaves room for a neighbour.
    connectsPerSecond: 1,
    connectBurst: 50,
  },
  proofOfLife: 'symbol-repeat',
  settlement: 'USDT',
  rest: bybitRest,
  statusSocket: {
    urlOf: (url) => (url.includes(SPOT_PATH) ? url.replace(SPOT_PATH, '/v5/public/misc/status') : undefined),
    subscribeFrame: (requestId) =>
      JSON.stringify({ req_id: String(requestId), op: 'subscribe', args: ['system.status'] }),
  },
  decode: decodeBybit,
  subscribeFrames: (symbols, requestId) => [requestFrame('subscribe', symbols, requestId)],
  unsubscribeFrames: (symbols, requestId) => [requestFrame('unsubscribe', symbols, requestId)],
  pingFrame: (requestId) => JSON.stringify({ req_id: String(requestId), op: 'ping' }),
};

/** The ticker has the last price alone, so the book is asked for as well. */
function requestFrame(op: 'subscribe' | 'unsubscribe', symbols: readonly string[], requestId: number): string {
  const args = symbols.flatMap((symbol) => [`tickers.${symbol}`, `orderbook.1.${symbol}`]);
  return JSON.stringify({ req_id: String(requestId), op, args });
}
