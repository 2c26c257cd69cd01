/** Kraken Spot, version 2 of its WebSocket API. Version 1 (arrays, XBT/USD) is frozen and ignored. */
import type { Venue } from '../venue.ts';
import { decodeKraken } from './decode.ts';
import { krakenRest } from './rest.ts';

/** Without it the book would only move with trades. */
const TRIGGER = 'bbo';

export const kraken: Venue = {
  id: 'kraken',
  title: 'Kraken',
  defaultUrl: 'wss://ws.kraken.com/v2',
  defaultRestUrl: 'https://api.kraken.com',
  // A heartbeat fills every second in which nothing else is sent.
  timing: { pingAfterMs: 3_000, deadAfterMs: 10_000, ackMs: 5_000, firstDataMs: 10_000, dataSilenceMs: 600_000 },
  // About 150 connections per address in 10 minutes, then a ban: 40 + 0.15 × 600 s = 130.
  limits: { symbolsPerFrame: 50, connectsPerSecond: 0.15, connectBurst: 40 },
  proofOfLife: 'connection-heartbeat',
  settlement: 'USD',
  rest: krakenRest,
  decode: decodeKraken,
  subscribeFrames: (symbols, requestId) => [
    JSON.stringify({
      method: 'subscribe',
      params: { channel: 'ticker', symbol: symbols, event_trigger: TRIGGER, snapshot: true },
      req_id: requestId,
    }),
  ],
  unsubscribeFrames: (symbols, requestId) => [
    JSON.stringify({
      method: 'unsubscribe',
      params: { channel: 'ticker', symbol: symbols, event_trigger: TRIGGER },
      req_id: requestId,
    }),
  ],
  pingFrame: (requestId) => JSON.stringify({ method: 'ping', req_id: requestId }),
};
