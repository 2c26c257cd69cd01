/** Lists of markets against a real Valkey, the simulated Coinbase, and a server that fails. */
import { demoPair, startExchanges } from '@weir/exchanges';
import { keyspace } from '@weir/keyspace';
import {
  createFakeClock,
  createTestTelemetry,
  silentLogger,
  startTestValkey,
  waitFor,
  type TestValkey,
} from '@weir/testing';
import { createValkey, type Valkey } from '@weir/valkey';
import { systemClock } from '@weir/clock';
import type { Instrument, RestAnswer, RestResponse } from '@weir/venues';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createInstrumentDirectory } from '../index.ts';
import { BTC, callerOf, ETH, json, plainRest, plainVenue, startScriptedRest } from './scripted-rest.ts';

const HOUR_MS = 3_600_000;
const KEY = keyspace.venueInstruments.key({ venue: 'plain' });

let server: TestValkey;
let valkey: Valkey;
beforeAll(async () => {
  server = await startTestValkey();
  valkey = createValkey({
    target: { kind: 'standalone', host: '127.0.0.1', port: server.port },
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
    deadlines: { decideMs: 5_000, bulkMs: 5_000 },
  });
  await valkey.ready();
});
afterAll(async () => {
  await valkey.close();
  await server.stop();
});
beforeEach(() => valkey.bulk.call('DEL', KEY));

/** The middle of every spread. */
const random = () => 0.5;

function directoryOf(rest: { readonly url: string }, clock = createFakeClock()) {
  const { notes, upstream } = callerOf(rest);
  const directory = createInstrumentDirectory({ ...upstream, clock, valkey: valkey.bulk, random });
  return { clock, notes, directory };
}

test('the venue is asked once, and Valkey has the list for everybody else', async () => {
  await using rest = await startScriptedRest(json(200, [BTC, ETH, { asset: 'bad name', quote: 'USD', symbol: 'X' }]));
  const first = directoryOf(rest);
  const [list, same] = await Promise.all([first.directory.load(), first.directory.load()]);
  expect([...(list ?? [])]).toEqual([
    ['BTC-USD', BTC],
    ['ETH-USD', ETH],
  ]);
  expect(same).toBe(list);
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
  expect(await valkey.bulk.hgetall(KEY)).toEqual({
    from: rest.url,
    'BTC-USD': 'BTC-USD',
    'ETH-USD': 'ETH-USD',
    'ETH-USD:rest': 'XETHZUSD',
  });
  expect(await valkey.bulk.call('TTL', KEY)).toBeGreaterThan(86_000);
  expect(await directoryOf(rest).directory.load()).toEqual(list);
  expect(rest.paths).toEqual(['/markets']);
  expect(first.notes.consumed).toMatchObject([{ options: { class: 'background' } }]);
});

test('a list from Valkey serves while the venue is down, and is looked at anew once it is an hour old', async () => {
  await using rest = await startScriptedRest(json(200, [BTC]));
  await directoryOf(rest).directory.load();
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
  rest.handler = json(500, {});
  const { directory, clock } = directoryOf(rest);
  const list = await directory.load();
  expect(list?.get('BTC-USD')).toEqual(BTC);
  await clock.advance(1.2 * HOUR_MS);
  await valkey.bulk.call('PEXPIRE', KEY, 23 * HOUR_MS - 1_000);
  // Refreshed in the background, in vain.
  expect(await directory.load()).toBe(list);
  await waitFor(() => rest.paths.length === 2);
  rest.handler = json(200, [BTC, ETH]);
  await waitFor(async () => {
    await clock.advance(60_000);
    return (await directory.load())?.size === 2;
  });
});

test('an unchanged list is the same map', async () => {
  await using rest = await startScriptedRest(json(200, [BTC]));
  const { directory, clock } = directoryOf(rest);
  const list = await directory.load();
  await valkey.bulk.call('DEL', KEY);
  await clock.advance(1.2 * HOUR_MS);
  expect(await directory.load()).toBe(list);
  await waitFor(() => rest.paths.length === 2);
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
  expect(await directory.load()).toBe(list);
});

test('a market that an answer lacks stays listed until three in a row, a minute apart, lack it', async () => {
  await using rest = await startScriptedRest(json(200, [BTC, ETH]));
  const { directory, clock, notes } = directoryOf(rest);
  const whole = await directory.load();
  /** A list that is due is asked for in the background. */
  const lookAgain = async (afterMs: number, answer: readonly Instrument[]) => {
    rest.handler = json(200, answer);
    const asked = notes.outcomes.length;
    await clock.advance(afterMs);
    await waitFor(async () => {
      await directory.load();
      return notes.outcomes.length > asked;
    });
    await clock.advance(0);
    return directory.load();
  };
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
  await valkey.bulk.call('DEL', KEY);
  // Half an answer, and whole again a minute later.
  expect(await lookAgain(1.2 * HOUR_MS, [BTC])).toBe(whole);
  expect(await valkey.bulk.call('EXISTS', KEY)).toBe(0);
  expect(await lookAgain(60_000, [BTC, ETH])).toBe(whole);
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
  await valkey.bulk.call('DEL', KEY);
  expect(await lookAgain(1.2 * HOUR_MS, [BTC])).toBe(whole);
  expect(await lookAgain(60_000, [BTC])).toBe(whole);
  const believed = await lookAgain(60_000, [BTC]);
  expect([...(believed?.keys() ?? [])]).toEqual(['BTC-USD']);
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
});

test('a list in Valkey that lacks what is known is no answer: the venue is asked, and puts it right for all', async () => {
  await using rest = await startScriptedRest(json(200, [BTC, ETH]));
  const { directory, clock, notes } = directoryOf(rest);
  const whole = await directory.load();
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
  // A process without memory was told half of it, an hour later and after a FLUSHALL.
  await valkey.bulk.call('DEL', KEY);
  await clock.advance(1.2 * HOUR_MS);
  rest.handler = json(200, [BTC]);
  expect((await directoryOf(rest).directory.load())?.size).toBe(1);
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
  rest.handler = json(200, [BTC, ETH]);
  expect(await directory.load()).toBe(whole);
  await waitFor(() => notes.outcomes.length === 2);
  await waitFor(async () => (await valkey.bulk.hgetall(KEY))['ETH-USD'] === 'ETH-USD');
  expect(await directory.load()).toBe(whole);
});

test('answers that lack a market are counted anew after a list in Valkey that holds it', async () => {
  await using rest = await startScriptedRest(json(200, [BTC, ETH]));
  const { directory, clock, notes } = directoryOf(rest);
  const whole = await directory.load();
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
  const look = async (afterMs: number, answers: number): Promise<void> => {
    await clock.advance(afterMs);
    await waitFor(async () => (await directory.load()) !== undefined && notes.outcomes.length === answers);
    await clock.advance(0);
  };
  const setAge = (ageMs: number) => valkey.bulk.call('PEXPIRE', KEY, 24 * HOUR_MS - ageMs);
  rest.handler = json(200, [BTC]);
  await setAge(2 * HOUR_MS);
  await look(1.2 * HOUR_MS, 2);
  await look(60_000, 3);
  await setAge(0);
  await clock.advance(60_000);
  await directory.load();
  await waitFor(async () => (await directory.load()) === whole);
  await setAge(2 * HOUR_MS);
  await look(1.2 * HOUR_MS, 4);
  expect([...((await directory.load())?.keys() ?? [])]).toEqual(['BTC-USD', 'ETH-USD']);
});

test('that a market stands still is stored with the list, which is looked at again within minutes', async () => {
  const standing: Instrument = { ...ETH, isHalted: true };
  await using rest = await startScriptedRest(json(200, [BTC, standing]));
  const { directory, clock } = directoryOf(rest);
  expect((await directory.load())?.get('ETH-USD')).toEqual(standing);
  await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
  expect((await directoryOf(rest).directory.load())?.get('ETH-USD')).toEqual(standing);
  rest.handler = json(200, [BTC, ETH]);
  await valkey.bulk.call('PEXPIRE', KEY, 24 * HOUR_MS - 300_000);
  await clock.advance(300_000);
  await waitFor(async () => (await directory.load())?.get('ETH-USD')?.isHalted === undefined);
  expect(rest.paths).toHaveLength(2);
});

test('a list of another address is not taken', async () => {
  await using rest = await startScriptedRest(json(200, [BTC]));
  await using other = await startScriptedRest(json(200, [ETH]));
  await directoryOf(rest).directory.load();
  expect([...((await directoryOf(other).directory.load())?.keys() ?? [])]).toEqual(['ETH-USD']);
});

test('while nobody knows, the venue is asked ever less often', async () => {
  await using rest = await startScriptedRest(json(429, {}, { 'retry-after': '90' }));
  const { directory, clock } = directoryOf(rest);
  expect(await directory.load()).toBeUndefined();
  expect(await directory.load()).toBeUndefined();
  await clock.advance(89_000);
  expect(await directory.load()).toBeUndefined();
  expect(rest.paths).toHaveLength(1);
  rest.handler = json(200, []);
  await clock.advance(2_000);
  expect(await directory.load()).toBeUndefined();
  expect(rest.paths).toHaveLength(2);
  rest.handler = json(200, [BTC]);
  await clock.advance(60_000);
  expect((await directory.load())?.size).toBe(1);
});

test('without Valkey the venue is asked', async () => {
  await using rest = await startScriptedRest(json(200, [BTC]));
  const { upstream } = callerOf(rest);
  const away = {
    ...valkey.bulk,
    hgetall: () => Promise.reject(new Error('away')),
    run: () => Promise.reject(new Error('away')),
  };
  const directory = createInstrumentDirectory({ ...upstream, valkey: away, random });
  expect((await directory.load())?.size).toBe(1);
});

test('a list of thousands of markets is stored whole, from the simulated exchange', async () => {
  const assets = Array.from({ length: 2_500 }, (_, index) => `A${index}`);
  const exchanges = await startExchanges({
    venues: ['coinbase'],
    pairs: assets.map((asset) => demoPair(asset, 'USD')),
    ticksPerSecond: 0,
  });
  try {
    const rest = { url: exchanges.addresses['coinbase']?.rest ?? '' };
    const { upstream } = callerOf(rest);
    const venue = {
      ...plainVenue,
      rest: { ...plainRest, instrumentRequests: [{ path: '/products' }], decodeInstruments: decodeProducts },
    };
    const options = { ...upstream, venue, valkey: valkey.bulk, random };
    const list = await createInstrumentDirectory(options).load();
    expect(list?.size).toBeGreaterThanOrEqual(2_500);
    await waitFor(async () => (await valkey.bulk.call('EXISTS', KEY)) === 1);
    expect(await createInstrumentDirectory(options).load()).toEqual(list);
  } finally {
    await exchanges.stop();
  }
});

function decodeProducts({ body }: RestResponse): RestAnswer<readonly Instrument[]> {
  const products = JSON.parse(body) as { id: string; base_currency: string; quote_currency: string }[];
  return {
    kind: 'ok',
    value: products.map(({ id, base_currency: asset, quote_currency: quote }) => ({ asset, quote, symbol: id })),
  };
}
