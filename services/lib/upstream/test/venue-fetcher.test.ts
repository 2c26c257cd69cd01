/** Fetching of prices against a real HTTP server with every fault that a venue shows. */
import { systemClock } from '@weir/clock';
import { expect, test } from 'vitest';
import { createVenueFetcher } from '../index.ts';
import { BTC, callerOf, ETH, json, plainRest, plainVenue, startScriptedRest, type Handler } from './scripted-rest.ts';

const PRICES = { 'BTC-USD': '64000.5', 'ETH-USD': '3100', 'SOL-USD': '150' };

test('a batch is one request, in class background, and prices are as old as half the round trip', async () => {
  await using rest = await startScriptedRest(json(200, PRICES));
  const { notes, upstream } = callerOf(rest);
  const beforeMs = systemClock.monotonicMs();
  const outcome = await createVenueFetcher(upstream).batch([BTC, ETH]);
  const afterMs = systemClock.monotonicMs();
  const prices = outcome.kind === 'ok' ? [...outcome.value] : [];
  expect(prices).toMatchObject([
    { asset: 'BTC', quote: 'USD', price: '64000.5' },
    { asset: 'ETH', quote: 'USD', price: '3100' },
  ]);
  const confirmedMs = prices[0]?.confirmedMonotonicMs;
  expect(confirmedMs).toBeGreaterThanOrEqual(beforeMs);
  expect(confirmedMs).toBeLessThan(afterMs);
  expect(rest.paths).toEqual(['/prices']);
  expect(notes).toMatchObject({
    outcomes: ['success'],
    consumed: [{ points: 2, options: { class: 'background' } }],
    open: 0,
  });
});

test('a venue without its batch is asked for single markets, ten at a time and all in turn', async () => {
  const markets = Array.from({ length: 13 }, (_, index) => {
    const asset = `A${index}`;
    return { asset, quote: 'USD', symbol: `${asset}-USD` };
  });
  await using rest = await startScriptedRest((request, response) => {
    const symbol = new URL(request.url ?? '/', 'http://venue').searchParams.get('symbol');
    // One of them is unknown itself.
    if (symbol === null || symbol === 'A1-USD') return json(404, {})(request, response);
    return json(200, { [symbol]: '1.5' })(request, response);
  });
  const { notes, upstream } = callerOf(rest);
  const fetcher = createVenueFetcher(upstream);
  const assetsOf = async (): Promise<readonly string[]> => {
    const outcome = await fetcher.batch(markets);
    return outcome.kind === 'ok' ? [...outcome.value].map(({ asset }) => asset) : [];
  };
  expect(await assetsOf()).toEqual(['A0', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8', 'A9']);
  expect(await assetsOf()).toEqual(['A10', 'A11', 'A12']);
  expect((await assetsOf())[0]).toBe('A0');
  expect(new Set(notes.consumed.map(({ options }) => options?.class))).toEqual(new Set(['background']));
  // Who is throttled meanwhile is not asked on.
  rest.paths.length = 0;
  rest.handler = (request, response) =>
    json(request.url?.includes('symbol') === true ? 429 : 404, {})(request, response);
  expect(await fetcher.batch(markets)).toMatchObject({ kind: 'refused', cause: 'throttled' });
  expect(rest.paths).toHaveLength(2);
});

test('one price is asked for in class interactive; a market without a price is unknown', async () => {
  await using rest = await startScriptedRest(json(200, { 'BTC-USD': '1' }));
  const { notes, upstream } = callerOf(rest);
  const fetcher = createVenueFetcher(upstream);
  expect(await fetcher.one(BTC)).toMatchObject({ kind: 'ok', value: { asset: 'BTC', price: '1' } });
  expect(await fetcher.one(ETH)).toMatchObject({ kind: 'refused', cause: 'unknown' });
  expect(notes.consumed).toMatchObject([
    { points: 1, options: { class: 'interactive' } },
    { points: 1, options: { class: 'interactive' } },
  ]);
});

const huge: Handler = (_request, response) => {
  const block = Buffer.alloc(1 << 20, 'x');
  const more = (): void => {
    let isFull = false;
    while (!isFull && !response.destroyed) isFull = !response.write(block);
  };
  response.on('drain', more);
  more();
};

test.for<[string, Handler, object, string]>([
  ['500', json(500, {}), { cause: 'failed', reason: 'status 500' }, 'failure'],
  ['503', json(503, {}), { cause: 'failed' }, 'failure'],
  ['404', json(404, {}), { cause: 'unknown' }, 'success'],
  ['403', json(403, {}), { cause: 'failed' }, 'success'],
  ['a redirect', json(302, {}, { location: 'http://127.0.0.1:1/' }), { cause: 'failed' }, 'failure'],
  [
    'garbage',
    (_request, response) => void response.end('<html>'),
    { cause: 'failed', reason: 'unreadable' },
    'failure',
  ],
  ['a cut', (request) => void request.socket.destroy(), { cause: 'failed' }, 'failure'],
  ['a body without end', huge, { cause: 'failed', reason: expect.stringContaining('larger than') }, 'failure'],
])('%s is a refusal, and the governor hears of it', async ([, handler, refusal, heard]) => {
  await using rest = await startScriptedRest(handler);
  const { notes, upstream } = callerOf(rest);
  const outcome = await createVenueFetcher(upstream).one(BTC);
  expect(outcome).toMatchObject({ kind: 'refused', ...refusal });
  expect(notes).toMatchObject({ outcomes: [heard], blocked: [], open: 0 });
});

test('a venue that never answers, or stops in the middle, costs two seconds', async () => {
  await using rest = await startScriptedRest(() => {});
  const { notes, upstream } = callerOf(rest);
  const fetcher = createVenueFetcher(upstream);
  const startMs = systemClock.monotonicMs();
  expect(await fetcher.one(BTC)).toMatchObject({ cause: 'failed', reason: 'no answer within 2000 ms' });
  rest.handler = (_request, response) => void response.write('{"BTC');
  expect(await fetcher.one(BTC)).toMatchObject({ cause: 'failed', reason: 'no answer within 2000 ms' });
  expect(systemClock.monotonicMs() - startMs).toBeGreaterThan(3_900);
  expect(notes.outcomes).toEqual(['failure', 'failure']);
});

test('nobody there is a failure', async () => {
  const { notes, upstream } = callerOf({ url: 'http://127.0.0.1:9' });
  expect(await createVenueFetcher(upstream).one(BTC)).toMatchObject({ kind: 'refused', cause: 'failed' });
  expect(notes.outcomes).toEqual(['failure']);
});

test.for<[string, Handler, number]>([
  ['seconds', json(429, {}, { 'retry-after': '7' }), 7_000],
  ['nothing', json(429, {}), 5_000],
  ['a year', json(429, {}, { 'retry-after': '31536000' }), 3_600_000],
  ['no time at all', json(429, {}, { 'retry-after': '0' }), 1_000],
])('429 with %s blocks the provider for everybody', async ([, handler, forMs]) => {
  await using rest = await startScriptedRest(handler);
  const { notes, upstream } = callerOf(rest);
  const outcome = await createVenueFetcher(upstream).one(BTC);
  expect(outcome).toMatchObject({ kind: 'refused', cause: 'throttled', retryAfterMs: forMs });
  expect(notes).toMatchObject({ outcomes: ['throttled'], blocked: [forMs] });
});

test('a venue that says so in an answer of status 200 is throttled too', async () => {
  await using rest = await startScriptedRest(json(200, {}));
  const venue = {
    ...plainVenue,
    rest: {
      ...plainRest,
      decodePrices: () => ({ kind: 'refused', cause: 'throttled', reason: 'slow down', retryAfterMs: 1_500 }) as const,
    },
  };
  const { notes, upstream } = callerOf(rest, { venue });
  expect(await createVenueFetcher(upstream).one(BTC)).toMatchObject({ cause: 'throttled', reason: 'slow down' });
  expect(notes.blocked).toEqual([1_500]);
});

test('who is shed takes no token, who has no token sends nothing', async () => {
  await using rest = await startScriptedRest(json(200, PRICES));
  const { notes, upstream } = callerOf(rest);
  const fetcher = createVenueFetcher(upstream);
  notes.isShedding = true;
  expect(await fetcher.batch([BTC])).toMatchObject({ kind: 'refused', cause: 'shed', retryAfterMs: 700 });
  expect(notes.consumed).toEqual([]);
  notes.isShedding = false;
  notes.hasTokens = false;
  expect(await fetcher.batch([BTC])).toMatchObject({ kind: 'refused', cause: 'quota', retryAfterMs: 900 });
  expect(rest.paths).toEqual([]);
  expect(notes.outcomes).toEqual(['ignored']);
});

test('of several requests some may fail; a refusal that concerns them all ends the batch', async () => {
  await using rest = await startScriptedRest((request, response) => {
    const handler = request.url === '/a' ? json(500, {}) : json(200, PRICES);
    handler(request, response);
  });
  const batchRequests = () => [{ path: '/a' }, { path: '/b' }];
  const { notes, upstream } = callerOf(rest, { venue: { ...plainVenue, rest: { ...plainRest, batchRequests } } });
  const fetcher = createVenueFetcher(upstream);
  const outcome = await fetcher.batch([BTC]);
  expect(outcome.kind === 'ok' && [...outcome.value]).toMatchObject([{ price: '64000.5' }]);
  notes.hasTokens = false;
  expect(await fetcher.batch([BTC])).toMatchObject({ kind: 'refused', cause: 'quota' });
  expect(notes.consumed).toHaveLength(3);
});

test('a decoder that throws is a refusal and leaves the host free', async () => {
  await using rest = await startScriptedRest(json(200, PRICES));
  let isBroken = true;
  const decodePrices: typeof plainRest.decodePrices = (response, instruments) => {
    if (isBroken) throw new Error('broken');
    return plainRest.decodePrices(response, instruments);
  };
  const { notes, upstream } = callerOf(rest, { venue: { ...plainVenue, rest: { ...plainRest, decodePrices } } });
  const fetcher = createVenueFetcher(upstream);
  expect(await fetcher.one(BTC)).toMatchObject({ kind: 'refused', cause: 'failed', reason: 'broken' });
  isBroken = false;
  expect(await fetcher.one(BTC)).toMatchObject({ kind: 'ok' });
  expect(notes).toMatchObject({ outcomes: ['ignored', 'success'], open: 0 });
});
