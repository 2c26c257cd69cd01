/** Gemini: the API of `ws.gemini.com`, and by its address the archived one of `api.gemini.com`. */
import type { Venue } from '../venue.ts';
import { askArchived, decodeArchived } from './archived.ts';
import { decodeGemini } from './decode.ts';
import { geminiRest } from './rest.ts';
import { LIST_ID, PING_ID, streamsOf, UNSUBSCRIBE_ID } from './streams.ts';

const SOURCE = {
  id: 'gemini',
  title: 'Gemini',
  defaultUrl: 'wss://ws.gemini.com',
  defaultRestUrl: 'https://api.gemini.com',
  proofOfLife: 'connection-heartbeat',
  settlement: 'USD',
  rest: geminiRest,
} as const;

// Published (`conninfo`): 300 attempts to connect in 5 minutes. 50 + 0.5 × 300 s = 200 leaves room for a neighbour.
const CONNECTS = { connectsPerSecond: 0.5, connectBurst: 50 };

export const gemini: Venue = {
  ...SOURCE,
  timing: {
    // Nothing is sent of a quiet book, so answers to pings are what shows that a price still stands: with one every
    // 2.5 s, and a look at all prices every 0.9 s at most, no proof is older than 3.4 s and the way there and back.
    pingEveryMs: 2_500,
    // Two answers are missing; at 12 s four are. A new connection is there before a price counts as stale (15 s).
    pingAfterMs: 6_000,
    deadAfterMs: 12_000,
    ackMs: 5_000,
    // The book of a quiet market comes with its next change; 28 s were seen.
    firstDataMs: 60_000,
    dataSilenceMs: 600_000,
  },
  // Two streams each: a frame of 20, because one bad name refuses all of it.
  limits: { symbolsPerFrame: 10, ...CONNECTS },
  at: (url) => (isArchived(url) ? archived : undefined),
  decode: (frame) => [decodeGemini(frame)],
  subscribeFrames: (symbols, requestId) => [
    JSON.stringify({ id: requestId, method: 'subscribe', params: streamsOf(symbols) }),
  ],
  unsubscribeFrames: (symbols, requestId) => [
    JSON.stringify({ id: `${UNSUBSCRIBE_ID}${requestId}`, method: 'unsubscribe', params: streamsOf(symbols) }),
  ],
  pingFrame: (requestId) => JSON.stringify({ id: `${PING_ID}${requestId}`, method: 'ping' }),
  listFrame: (requestId) => JSON.stringify({ id: `${LIST_ID}${requestId}`, method: 'list_subscriptions' }),
};

const archived: Venue = {
  ...SOURCE,
  title: 'Gemini (archived API)',
  defaultUrl: 'wss://api.gemini.com/v2/marketdata',
  // A heartbeat every 5 s. Trades may be hours apart, so that no data is no fault; the first comes with the subscription.
  timing: { pingAfterMs: 7_500, deadAfterMs: 12_000, ackMs: 5_000, firstDataMs: 60_000 },
  limits: { symbolsPerFrame: 20, ...CONNECTS },
  decode: decodeArchived,
  subscribeFrames: (symbols) => askArchived('subscribe', symbols),
  unsubscribeFrames: (symbols) => askArchived('unsubscribe', symbols),
};

function isArchived(url: string): boolean {
  return URL.parse(url)?.pathname.startsWith('/v2/marketdata') === true;
}
