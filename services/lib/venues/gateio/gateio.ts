/** Gate, spot markets of version 4 of its WebSocket API, and by its address Gate US, which trades in dollars. */
import type { Venue } from '../venue.ts';
import { decodeGateio } from './decode.ts';
import { gateioRest } from './rest.ts';

const global: Venue = {
  id: 'gateio',
  title: 'Gate',
  defaultUrl: 'wss://api.gateio.ws/ws/v4/',
  defaultRestUrl: 'https://api.gateio.ws/api/v4',
  timing: {
    // A ticker comes at most once a second and only after a change, so answers to pings are what shows that a price
    // still stands: with one every 2.5 s, and a look at all prices every 0.9 s at most, no proof is older than 3.4 s and
    // the way there and back. They also keep the connection: without any frame of ours it is closed after 60 s.
    pingEveryMs: 2_500,
    // Two answers are missing; at 12 s four are. A new connection is there before a price counts as stale (15 s).
    pingAfterMs: 6_000,
    deadAfterMs: 12_000,
    ackMs: 5_000,
    // Nothing is sent on subscribing; the first ticker of a thin pair took 28 s in a recording.
    firstDataMs: 60_000,
    dataSilenceMs: 600_000,
  },
  // No limits are published but for 100 connections per host; 2 a second are enough to be back soon.
  limits: { symbolsPerFrame: 20, connectsPerSecond: 2, connectBurst: 20 },
  proofOfLife: 'connection-heartbeat',
  settlement: 'USDT',
  rest: gateioRest,
  decode: (frame) => [decodeGateio(frame)],
  // Tickers alone: docs/decisions/0050-gate-tickers-gemini-streams.md.
  subscribeFrames: (symbols, requestId, wallMs) => [requestFrame('subscribe', symbols, requestId, wallMs)],
  unsubscribeFrames: (symbols, requestId, wallMs) => [requestFrame('unsubscribe', symbols, requestId, wallMs)],
  pingFrame: (_requestId, wallMs) => JSON.stringify({ time: secondsOf(wallMs), channel: 'spot.ping' }),
};

export const gateio: Venue = { ...global, at: (url) => (isUs(url) ? gateUs : undefined) };

const gateUs: Venue = {
  ...global,
  title: 'Gate US',
  defaultUrl: 'wss://ws.gate.us/v4/',
  defaultRestUrl: 'https://api.gate.us/api/v4',
  settlement: 'USD',
};

function isUs(url: string): boolean {
  return URL.parse(url)?.hostname.endsWith('.gate.us') === true;
}

function requestFrame(
  event: 'subscribe' | 'unsubscribe',
  payload: readonly string[],
  id: number,
  wallMs: number,
): string {
  return JSON.stringify({ time: secondsOf(wallMs), id, channel: 'spot.tickers', event, payload });
}

/** Requests whose time is more than a minute off are refused. */
function secondsOf(wallMs: number): number {
  return Math.floor(wallMs / 1_000);
}
