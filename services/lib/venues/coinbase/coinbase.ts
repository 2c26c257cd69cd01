/** Coinbase Exchange (not Advanced Trade, which speaks another protocol). */
import type { Venue } from '../venue.ts';
import { decodeCoinbase } from './decode.ts';
import { coinbaseRest } from './rest.ts';

/** A ticker comes with every match, so trades need no channel of their own; `status` tells of halted markets. */
const OF_PRODUCTS = ['ticker', 'heartbeat'];
const CHANNELS = [...OF_PRODUCTS, 'status'];

export const coinbase: Venue = {
  id: 'coinbase',
  title: 'Coinbase Exchange',
  defaultUrl: 'wss://ws-feed.exchange.coinbase.com',
  defaultRestUrl: 'https://api.exchange.coinbase.com',
  // Heartbeats come every second and product.
  timing: { pingAfterMs: 5_000, deadAfterMs: 10_000, ackMs: 5_000, firstDataMs: 10_000 },
  // Published: 8 connections per second and address, bursts of 20. Half of it leaves room for a neighbour.
  limits: { symbolsPerFrame: 50, connectsPerSecond: 4, connectBurst: 8 },
  proofOfLife: 'trade-id-heartbeat',
  settlement: 'USD',
  rest: coinbaseRest,
  decode: (frame) => [decodeCoinbase(frame)],
  subscribeFrames: (symbols) => [JSON.stringify({ type: 'subscribe', product_ids: symbols, channels: CHANNELS })],
  unsubscribeFrames: (symbols) => [
    JSON.stringify({ type: 'unsubscribe', product_ids: symbols, channels: OF_PRODUCTS }),
  ],
};
