/** Every fault of the simulator, at every venue, as that venue's own decoders see it: a fault that nobody could see would prove nothing. */
import { once } from 'node:events';
import {
  spellSymbol,
  startExchanges,
  venueIds,
  type ExchangeControl,
  type Exchanges,
  type VenueFaults,
  type VenueId,
} from '@weir/exchanges';
import { waitFor } from '@weir/testing';
import { findVenue, type Instrument, type RestResponse, type Venue, type VenueEvent } from '@weir/venues';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';

const PAIRS = [
  { asset: 'BTC', quote: 'USD', price: '64123.07' },
  { asset: 'ETH', quote: 'USD', price: '3138.40' },
];
const SKEW_MS = 60_000;
/** Told once a second and market, whatever has happened meanwhile. */
const CONFLATED: ReadonlySet<string> = new Set(['gateio']);

/** One bad symbol refuses all of a frame. */
const WHOLE_FRAMES: ReadonlySet<string> = new Set(['gemini', 'gateio', 'bybit']);
/** A venue that is asked too often says so in an answer of status 200. */
const SAYS_IT_WITH_200: ReadonlySet<string> = new Set(['kraken', 'bybit']);

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Listener {
  readonly exchanges: Exchanges;
  readonly control: ExchangeControl;
  readonly socket: WebSocket;
  readonly events: VenueEvent[];
  /** In the venue's own quote. */
  readonly btc: string;
  ofKind(...kinds: readonly VenueEvent['kind'][]): VenueEvent[];
}

type Priced = Extract<VenueEvent, { readonly bid?: string }>;

function venueOf(id: string): Venue {
  const venue = findVenue(id);
  if (venue === undefined) throw new Error(`no venue ${id}`);
  return venue;
}

async function start(id: VenueId): Promise<{ readonly exchanges: Exchanges; readonly control: ExchangeControl }> {
  const exchanges = await startExchanges({ venues: [id], pairs: PAIRS, ticksPerSecond: 0 });
  cleanups.push(() => exchanges.stop());
  return { exchanges, control: exchanges.venue(id) };
}

/** A client that has asked for both markets, with the faults on from the start. */
async function listen(id: VenueId, faults: Partial<VenueFaults> = {}): Promise<Listener> {
  const started = await start(id);
  started.control.fault(faults);
  return ask(id, started);
}

async function ask(id: VenueId, { exchanges, control }: Awaited<ReturnType<typeof start>>): Promise<Listener> {
  const venue = venueOf(id);
  const symbols = ['BTC', 'ETH'].map((asset) => spellSymbol(id, asset, venue.settlement));
  const socket = new WebSocket(exchanges.addresses[id]?.ws ?? '');
  cleanups.push(() => socket.terminate());
  const events: VenueEvent[] = [];
  socket.on('message', (data: Buffer) => events.push(...venue.decode(data.toString())));
  await once(socket, 'open');
  for (const frame of venue.subscribeFrames(symbols, 1, Date.now())) socket.send(frame);
  return {
    exchanges,
    control,
    socket,
    events,
    btc: symbols[0] ?? '',
    ofKind: (...kinds) => events.filter(({ kind }) => kinds.includes(kind)),
  };
}

async function listenLive(id: VenueId, faults: Partial<VenueFaults> = {}): Promise<Listener> {
  const listener = await listen(id);
  await waitFor(() => listener.control.subscribers('ETH') > 0 && listener.ofKind('subscribed').length > 0);
  listener.control.fault(faults);
  listener.events.length = 0;
  return listener;
}

/** What the jump of the true price made the venue say of it. */
async function jump({ exchanges, events, btc }: Listener, price = '65000'): Promise<readonly Priced[]> {
  events.length = 0;
  exchanges.setTruth('BTC', price);
  return waitFor(() => {
    const seen = events.filter(
      (event): event is Priced =>
        'symbol' in event && event.symbol === btc && ('bid' in event || 'ask' in event || 'price' in event),
    );
    return seen.some((event) => 'price' in event || 'bid' in event || 'ask' in event) && seen;
  });
}

describe.each(venueIds)('%s', (id) => {
  const settlement = venueOf(id).settlement;

  test('trades what is true, converted where it quotes in USDT', async () => {
    const listener = await listenLive(id);
    const seen = await jump(listener);
    const truth = Number(listener.exchanges.truth(`BTC-${settlement}`));
    if (settlement === 'USDT') expect(truth).not.toBe(65_000);
    for (const event of seen) {
      const price = Number('price' in event ? event.price : (event.bid ?? event.ask));
      expect(Math.abs(price / truth - 1)).toBeLessThan(0.000_2);
      expect(event).toMatchObject({ asset: 'BTC', quote: settlement });
    }
  });

  test('that lies is off by as much as it is told to be', async () => {
    const listener = await listenLive(id, { lieBps: 200 });
    const [event] = await jump(listener);
    const price = Number(event && 'price' in event ? event.price : event?.ask);
    expect(price / Number(listener.exchanges.truth(`BTC-${settlement}`))).toBeCloseTo(1.02, 3);
  });

  test('that is frozen says nothing new, and goes on once it is healed', async () => {
    const listener = await listenLive(id, { isFrozen: true });
    const before = listener.control.price('BTC');
    listener.exchanges.setTruth('BTC', '70000');
    listener.control.burst(20);
    expect(listener.control.price('BTC')).toBe(before);
    listener.control.heal();
    await jump(listener, '71000');
  });

  test('with a crossed book has its bid above its ask', async () => {
    const listener = await listenLive(id, { crossedBps: 50 });
    const seen = await jump(listener);
    const book = await waitFor(() =>
      [...seen, ...listener.events].find((event): event is Priced => 'bid' in event && 'ask' in event),
    );
    expect(Number(book.bid) / Number(book.ask)).toBeGreaterThan(1.004);
  });

  test('without bids has none, and neither has a frame of 1970 a time', async () => {
    const listener = await listenLive(id, { hasEmptyBids: true, hasZeroTimes: true });
    const seen = await jump(listener);
    for (const event of seen) {
      expect(event).not.toHaveProperty('bid');
      expect(event).not.toHaveProperty('tradeTime');
      expect(event).not.toHaveProperty('venueTime');
    }
  });

  test('whose clock is wrong says so in its frames, where they have a time', async () => {
    const listener = await listenLive(id, { skewMs: SKEW_MS });
    const seen = await jump(listener);
    const times = seen.flatMap((event) => {
      const text = event.kind === 'quote' ? event.venueTime : (event.venueTime ?? event.tradeTime);
      return text === undefined ? [] : [Date.parse(text)];
    });
    for (const time of times) expect(time - Date.now()).toBeGreaterThan(SKEW_MS / 2);
  });

  test('sends everything twice, and in another order', async () => {
    const listener = await listenLive(id);
    const single = (await jump(listener)).length;
    listener.control.fault({ duplicateShare: 1 });
    listener.events.length = 0;
    const twice = await waitFor(async () => {
      const seen = await jump(listener, '65001');
      return seen.length >= 2 * single && seen.length;
    });
    expect(twice % 2).toBe(0);
    if (CONFLATED.has(id)) return;
    listener.control.fault({ duplicateShare: 0, reorderWindow: 40 });
    listener.events.length = 0;
    for (let price = 60_000; price < 60_040; price++) listener.exchanges.setTruth('BTC', String(price));
    const prices = await waitFor(() => {
      const seen = listener.events.flatMap((event) =>
        'price' in event ? [Number(event.price)] : 'ask' in event ? [Number(event.ask)] : [],
      );
      return seen.length >= 40 && seen;
    });
    expect(prices).not.toEqual(prices.toSorted((a, b) => a - b));
  });

  test('can send its prices before its answer', async () => {
    const listener = await listen(id, { isAckLast: true });
    await waitFor(() => listener.ofKind('subscribed').length > 0);
    const kinds = listener.events
      .map(({ kind }) => kind)
      .filter((kind) => ['subscribed', 'ticker', 'quote', 'trade', 'past-trade'].includes(kind));
    // Some venues send nothing of a market until it moves.
    if (kinds.length > listener.ofKind('subscribed').length) expect(kinds[0]).not.toBe('subscribed');
  });

  test('refuses symbols it does not know, and subscriptions as a whole', async () => {
    const partly = await listen(id, { unknownShare: 1 });
    await waitFor(() => partly.ofKind('rejected').length > 0);
    expect(partly.control.subscribers('BTC') + partly.control.subscribers('ETH')).toBe(0);
    const whole = await listen(id, { refusesFrames: true });
    await waitFor(() => whole.ofKind('rejected', 'error').length > 0);
    for (const event of whole.ofKind('rejected')) expect(event).toMatchObject({ symbols: [] });
    expect(whole.ofKind('subscribed')).toEqual([]);
    expect(whole.control.subscribers('BTC')).toBe(0);
  });

  test('refuses some symbols and takes the others, as far as its protocol does', async () => {
    const { exchanges, control } = await start(id);
    control.refuse(spellSymbol(id, 'ETH', settlement));
    const listener = await ask(id, { exchanges, control });
    await waitFor(() => listener.ofKind('rejected').length > 0);
    await waitFor(() => WHOLE_FRAMES.has(id) || control.subscribers('BTC') === 1);
    expect(control.subscribers('ETH')).toBe(0);
    if (WHOLE_FRAMES.has(id)) expect(control.subscribers('BTC')).toBe(0);
  });

  test('cuts a client that does not read', async () => {
    const listener = await listenLive(id, { slowReaderBytes: 64 * 1024 });
    listener.socket.pause();
    // Of no symbol, so that every venue sends it to everybody.
    const frame = JSON.stringify({ topic: 'system.status', pad: 'x'.repeat(64 * 1_024) });
    await waitFor(() => {
      for (let count = 0; count < 50; count++) listener.control.push(frame);
      return listener.control.connections === 0;
    });
    expect(listener.control.strikes.slowReaderBytes).toBeGreaterThan(0);
    listener.socket.resume();
    await waitFor(() => listener.socket.readyState === WebSocket.CLOSED);
  });

  test('trades in bursts', async () => {
    const listener = await listenLive(id);
    listener.control.burst(500);
    await waitFor(() => listener.ofKind('ticker', 'quote', 'trade').length >= (CONFLATED.has(id) ? 2 : 100));
  });

  test('refuses connections once nobody listens any more, and takes them on the same port again', async () => {
    const listener = await listenLive(id);
    listener.control.cut({ isRefusing: true });
    await waitFor(() => listener.control.connections === 0);
    const refused = new WebSocket(listener.exchanges.addresses[id]?.ws ?? '');
    const [error] = (await once(refused, 'error')) as [Error];
    expect(error.message).toContain('ECONNREFUSED');
    listener.control.restore();
    await waitFor(async () => {
      const again = new WebSocket(listener.exchanges.addresses[id]?.ws ?? '');
      cleanups.push(() => again.terminate());
      return once(again, 'open').then(
        () => true,
        () => false,
      );
    });
  });
});

describe.each(venueIds)('the REST interface of %s', (id) => {
  const { rest, settlement, defaultRestUrl } = venueOf(id);

  async function get(exchanges: Exchanges, path: string): Promise<RestResponse> {
    const base = exchanges.addresses[id]?.rest ?? '';
    expect(base).not.toBe(defaultRestUrl);
    const response = await fetch(`${base}${path}`, { signal: AbortSignal.timeout(5_000) });
    const retryAfter = response.headers.get('retry-after');
    return {
      status: response.status,
      body: await response.text(),
      receivedMs: Date.now(),
      ...(retryAfter !== null && { retryAfter }),
    };
  }

  async function instruments(exchanges: Exchanges): Promise<readonly Instrument[]> {
    const found: Instrument[] = [];
    for (const { path } of rest.instrumentRequests) {
      const answer = rest.decodeInstruments(await get(exchanges, path));
      if (answer.kind === 'ok') found.push(...answer.value);
    }
    return found;
  }

  test('lists its markets, and has the price of all and of one', async () => {
    const { exchanges, control } = await start(id);
    const listed = await instruments(exchanges);
    const wanted = ['BTC', 'ETH'].map((asset) =>
      listed.find((market) => market.asset === asset && market.quote === settlement),
    );
    const markets = wanted.filter((market) => market !== undefined);
    expect(markets).toHaveLength(2);
    const [batch] = rest.batchRequests(markets);
    const all = rest.decodePrices(await get(exchanges, batch?.path ?? ''), markets);
    const one = rest.decodePrices(
      await get(exchanges, rest.oneRequest(markets[0] as Instrument).path),
      markets.slice(0, 1),
    );
    for (const [answer, assets] of [
      [all, ['BTC', 'ETH']],
      [one, ['BTC']],
    ] as const) {
      if (answer.kind !== 'ok') throw new Error(answer.reason);
      expect([...answer.value].map(({ asset, price }) => [asset, Number(price)])).toEqual(
        assets.map((asset) => [asset, Number(control.price(asset))]),
      );
    }
    expect(control.restCount).toBe(rest.instrumentRequests.length + 2);
  });

  test('says in its own words that it is asked too often, and for how long where it does', async () => {
    const { exchanges, control } = await start(id);
    const [{ path } = { path: '' }] = rest.instrumentRequests;
    for (const restThrottleS of [7, 0]) {
      control.fault({ restThrottleS });
      const throttled = await get(exchanges, path);
      expect(throttled.status).toBe(SAYS_IT_WITH_200.has(id) ? 200 : 429);
      if (throttled.status === 429) expect(throttled.retryAfter).toBe(String(restThrottleS));
      const refusal = rest.decodeInstruments(throttled);
      expect(refusal).toMatchObject({ kind: 'refused', cause: 'throttled' });
      if (id === 'kraken' && restThrottleS > 0)
        expect(refusal).toHaveProperty('retryAfterMs', expect.closeTo(7_500, -3));
    }
  });

  test('has the faults of one: 500, a wrong body, no answer', async () => {
    const { exchanges, control } = await start(id);
    const [{ path } = { path: '' }] = rest.instrumentRequests;
    control.fault({ restErrorShare: 1 });
    expect(rest.decodeInstruments(await get(exchanges, path))).toMatchObject({ kind: 'refused', cause: 'failed' });
    control.heal();
    for (const restWrongBody of ['html', 'cut', 'empty'] as const) {
      control.fault({ restWrongBody });
      expect(rest.decodeInstruments(await get(exchanges, path))).toMatchObject({ kind: 'refused', cause: 'failed' });
    }
    control.heal();
    control.fault({ restHangs: true });
    const base = exchanges.addresses[id]?.rest ?? '';
    const waiting = fetch(`${base}${path}`, { signal: AbortSignal.timeout(300) });
    await expect(waiting).rejects.toThrow('timeout');
    expect(control.restRequests.map(({ status }) => status)).toEqual([500, 200, 200, 200, 'none']);
  });
});
