/** A venue's REST server that answers as a test says, and what calls it: a venue, a governor and a quota that keep notes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@weir/clock';
import type { Outcome } from '@weir/governor';
import type { ConsumeOptions } from '@weir/limiter';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import type { Instrument, RestAnswer, RestPrice, RestResponse, Venue, VenueRest } from '@weir/venues';
import type { UpstreamOptions } from '../index.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface ScriptedRest extends AsyncDisposable {
  readonly url: string;
  /** How requests are answered from now on. */
  handler: Handler;
  readonly paths: string[];
  readonly inFlightMost: number;
}

export async function startScriptedRest(handler: Handler): Promise<ScriptedRest> {
  const notes = { inFlight: 0, most: 0 };
  const server = createServer((request, response) => {
    rest.paths.push(request.url ?? '');
    notes.inFlight += 1;
    notes.most = Math.max(notes.most, notes.inFlight);
    response.on('close', () => (notes.inFlight -= 1));
    rest.handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on a TCP port has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  const rest = {
    url: `http://127.0.0.1:${port}`,
    handler,
    paths: [] as string[],
    get inFlightMost() {
      return notes.most;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return rest;
}

export const json =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };

export const BTC: Instrument = { asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' };
export const ETH: Instrument = { asset: 'ETH', quote: 'USD', symbol: 'ETH-USD', restSymbol: 'XETHZUSD' };

function read<T>(response: RestResponse, take: (body: unknown) => T | undefined): RestAnswer<T> {
  if (response.status === 404) return { kind: 'refused', cause: 'unknown', reason: 'not found' };
  if (response.status !== 200) return { kind: 'refused', cause: 'failed', reason: `status ${response.status}` };
  try {
    const value = take(JSON.parse(response.body));
    if (value !== undefined) return { kind: 'ok', value };
  } catch {
    // Told below.
  }
  return { kind: 'refused', cause: 'failed', reason: 'unreadable' };
}

/** Prices as `{"BTC-USD":"1.5"}`, markets as a list of instruments. */
export const plainRest: VenueRest = {
  instrumentRequests: [{ path: '/markets' }],
  decodeInstruments: (response) => read(response, (body) => (Array.isArray(body) ? (body as Instrument[]) : undefined)),
  batchRequests: () => [{ path: '/prices', points: 2 }],
  oneRequest: ({ symbol }) => ({ path: `/prices?symbol=${symbol}` }),
  decodePrices: (response, instruments) =>
    read(response, (body) => {
      const prices = body as Record<string, string>;
      const wanted: RestPrice[] = [];
      for (const { asset, quote, symbol } of instruments) {
        const price = prices[symbol];
        if (price !== undefined) wanted.push({ asset, quote, price });
      }
      return wanted;
    }),
  batchIntervalMs: 1_000,
  quota: { points: 60, durationMs: 60_000 },
};

export const plainVenue: Venue = {
  id: 'plain',
  title: 'Plain',
  defaultUrl: 'wss://plain.invalid',
  defaultRestUrl: 'https://plain.invalid',
  timing: { pingAfterMs: 1, deadAfterMs: 1, ackMs: 1, firstDataMs: 1 },
  limits: { symbolsPerFrame: 1, connectsPerSecond: 1, connectBurst: 1 },
  proofOfLife: 'symbol-repeat',
  settlement: 'USD',
  rest: plainRest,
  decode: () => [{ kind: 'ignored', why: 'no socket here' }],
  subscribeFrames: () => [],
  unsubscribeFrames: () => [],
};

export interface Notes {
  readonly outcomes: Outcome[];
  readonly consumed: { readonly points: number; readonly options: ConsumeOptions | undefined }[];
  readonly blocked: number[];
  /** Tokens whose request has not ended. */
  open: number;
  isShedding: boolean;
  hasTokens: boolean;
}

export function callerOf(rest: { readonly url: string }, options: Partial<UpstreamOptions> = {}) {
  const notes: Notes = { outcomes: [], consumed: [], blocked: [], open: 0, isShedding: false, hasTokens: true };
  const upstream: UpstreamOptions = {
    venue: plainVenue,
    restUrl: rest.url,
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    governor: {
      enter: () =>
        notes.isShedding
          ? { admitted: false, why: 'shed', retryAfterMs: 700 }
          : { admitted: true, end: (outcome) => notes.outcomes.push(outcome) },
    },
    quotas: {
      async tryConsume(_provider, _scope, points, consume) {
        notes.consumed.push({ points, options: consume });
        if (!notes.hasTokens) return { admitted: false, basis: 'cluster', retryAfterMs: 900 };
        notes.open += 1;
        return { admitted: true, basis: 'cluster', done: () => (notes.open -= 1) };
      },
      block: async (_provider, forMs) => void notes.blocked.push(forMs),
    },
    ...options,
  };
  return { notes, upstream };
}
