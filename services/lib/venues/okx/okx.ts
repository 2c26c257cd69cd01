/** OKX, spot markets of version 5 of its API. Regional hosts speak the same: they are a source's `url`. */
import type { Venue } from '../venue.ts';
import { decodeOkx } from './decode.ts';
import { okxRest } from './rest.ts';

export const okx: Venue = {
  id: 'okx',
  title: 'OKX',
  defaultUrl: 'wss://ws.okx.com:8443/ws/v5/public',
  defaultRestUrl: 'https://www.okx.com',
  // A socket on which nothing was sent for 30 s is closed. A quiet market has no frames of its own, so its price stays
  // fresh by the answers to pings, which are sent often enough for that.
  timing: {
    pingAfterMs: 10_000,
    pingEveryMs: 3_000,
    deadAfterMs: 28_000,
    ackMs: 5_000,
    firstDataMs: 10_000,
    dataSilenceMs: 600_000,
  },
  limits: {
    // A frame may be 64 KB long.
    symbolsPerFrame: 50,
    // Published: one more ends the connection.
    requestsPerHour: 480,
    // Published: 3 a second and address, which a burst counts towards.
    connectsPerSecond: 1,
    connectBurst: 2,
  },
  proofOfLife: 'connection-heartbeat',
  settlement: 'USDT',
  rest: okxRest,
  decode: decodeOkx,
  // Work is announced in a channel of its own; asked for again it is confirmed again.
  subscribeFrames: (symbols, requestId) => [
    JSON.stringify({
      id: String(requestId),
      op: 'subscribe',
      args: [...symbols.map((instId) => ({ channel: 'tickers', instId })), { channel: 'status' }],
    }),
  ],
  unsubscribeFrames: (symbols, requestId) => [
    JSON.stringify({
      id: String(requestId),
      op: 'unsubscribe',
      args: symbols.map((instId) => ({ channel: 'tickers', instId })),
    }),
  ],
  pingFrame: () => 'ping',
};
