import { createFakeClock, type FakeClock } from '@weir/testing';
import { findVenue, type Venue } from '@weir/venues';
import { formatDecimal } from '@weir/wire';
import { expect, test } from 'vitest';
import { createConnectBudget } from './connect-budget.ts';
import { createConnector, type Connector, type ConnectorStatus, type SourceQuote } from './connector.ts';
import type { OpenSocket, SocketHandlers } from './socket.ts';

interface FakeSocket extends SocketHandlers {
  readonly sent: string[];
  pings: number;
  isTerminated: boolean;
}

interface Line {
  readonly level: string;
  readonly message: string;
  readonly data: object;
}

function getVenue(id: string): Venue {
  const venue = findVenue(id);
  if (venue === undefined) throw new Error(`no venue ${id}`);
  return venue;
}

/** A market in dollars. */
const SPELLINGS: Readonly<Record<string, (asset: string) => string>> = {
  coinbase: (asset) => `${asset}-USD`,
  kraken: (asset) => `${asset}/USD`,
  gemini: (asset) => `${asset}usd`.toLowerCase(),
  gateio: (asset) => `${asset}_USD`,
  bybit: (asset) => `${asset}USD`,
  okx: (asset) => `${asset}-USD`,
};

/** A connector whose sockets are held by the test. */
function createBench(
  id: string,
  assets: readonly string[],
  more: {
    readonly openSocket?: OpenSocket;
    readonly connectBurst?: number;
    readonly url?: string;
    readonly onQuote?: (quote: SourceQuote) => void;
  } = {},
) {
  const known = getVenue(id);
  const { connectBurst = known.limits.connectBurst } = more;
  const venue: Venue = { ...known, limits: { ...known.limits, connectBurst } };
  const clock: FakeClock = createFakeClock();
  const sockets: FakeSocket[] = [];
  const quotes: SourceQuote[] = [];
  const statuses: ConnectorStatus[] = [];
  const halted: string[] = [];
  const lines: Line[] = [];
  const counts = new Map<string, number>();
  const openFake: OpenSocket = (_url, _handshakeTimeoutMs, handlers) => {
    const socket: FakeSocket = { ...handlers, sent: [], pings: 0, isTerminated: false };
    sockets.push(socket);
    return {
      send: (text) => void socket.sent.push(text),
      ping: () => {
        socket.pings += 1;
      },
      terminate: () => {
        socket.isTerminated = true;
      },
      closed: Promise.resolve(),
    };
  };
  const log = (level: string) => (data: object, message: string) => void lines.push({ level, message, data });
  const connector: Connector = createConnector({
    venue,
    url: more.url ?? 'wss://venue.test/ws',
    symbols: assets.map((asset) => ({ asset, quote: 'USD', symbol: (SPELLINGS[id] ?? String)(asset) })),
    clock,
    // Only the three levels that a connector writes, each with data and a constant sentence.
    logger: { debug: log('debug'), info: log('info'), warn: log('warn') } as never,
    telemetry: {
      counter: (name, { attributes = {} }) => {
        const key = [name, ...Object.values(attributes).slice(1)].join(' ');
        return {
          add: (count = 1) => void counts.set(key, (counts.get(key) ?? 0) + count),
          get value() {
            return counts.get(key) ?? 0;
          },
        };
      },
    },
    random: () => 0.5,
    onQuote: more.onQuote ?? ((quote) => quotes.push(quote)),
    onHalted: ({ asset }) => halted.push(asset),
    onStatus: (status) => statuses.push(status),
    openSocket: more.openSocket ?? openFake,
  });
  const socket = (): FakeSocket => {
    const newest = sockets.at(-1);
    if (newest === undefined) throw new Error('no socket was opened');
    return newest;
  };
  return { connector, clock, sockets, socket, quotes, statuses, halted, lines, counts };
}

const TICKER = (price: string, tradeId: number): string =>
  JSON.stringify({
    type: 'ticker',
    product_id: 'BTC-USD',
    price,
    sequence: tradeId * 10,
    trade_id: tradeId,
    time: '2025-12-31T23:59:59.500000Z',
  });
const ACK = '{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["BTC-USD"]}]}';
const HEARTBEAT = (tradeId: number): string =>
  JSON.stringify({ type: 'heartbeat', product_id: 'BTC-USD', last_trade_id: tradeId });

test('a fault in dealing with a frame costs that frame, is counted, and told once a minute', async () => {
  const told: SourceQuote[] = [];
  const { connector, clock, socket, lines, counts } = createBench('coinbase', ['BTC'], {
    onQuote(quote) {
      if (formatDecimal(quote.price) !== '7') throw new Error('a fault of ours');
      told.push(quote);
    },
  });
  connector.start();
  socket().onOpen();
  for (let id = 1; id <= 5; id += 1) expect(() => socket().onFrame(TICKER('6', id))).not.toThrow();
  socket().onFrame(ACK);
  socket().onFrame(TICKER('7', 9));
  expect(told).toHaveLength(1);
  expect(connector.status).toMatchObject({ state: 'ok' });
  expect(counts.get('weir.feed.frames_failed')).toBe(5);
  await clock.advance(0);
  const faults = lines.filter(({ message }) => message === 'frames failed');
  expect(faults).toMatchObject([{ level: 'warn', data: { count: 1 } }]);
  await connector.stop();
});

test('connects, subscribes, tells quotes and proofs of life, and says so in its status', async () => {
  const { connector, clock, socket, quotes, statuses, counts } = createBench('coinbase', ['BTC']);
  expect(connector.status).toMatchObject({ state: 'down', reason: 'NotStarted', sinceMs: clock.nowMs() });
  connector.start();
  socket().onOpen();
  expect(socket().sent.map((text) => JSON.parse(text) as unknown)).toEqual([
    { type: 'subscribe', product_ids: ['BTC-USD'], channels: ['ticker', 'heartbeat', 'status'] },
  ]);
  socket().onFrame(TICKER('84000.10', 7));
  socket().onFrame(ACK);
  await clock.advance(1_000);
  socket().onFrame(HEARTBEAT(7));
  await clock.advance(500);
  socket().onFrame(TICKER('84000.20', 8));
  expect(quotes.map(({ price, confirmedMonotonicMs }) => [formatDecimal(price), confirmedMonotonicMs])).toEqual([
    ['84000.1', 0],
    ['84000.1', 1_000],
    ['84000.2', 1_500],
  ]);
  expect(statuses.map(({ state, reason }) => `${state} ${reason}`)).toEqual([
    'connecting Connecting',
    'connecting Subscribing',
    'ok Live',
  ]);
  expect(counts.get('weir.feed.venue_events ticker')).toBe(2);
  expect(counts.get('weir.feed.venue_events heartbeat')).toBe(1);
});

test('an outage is one status until the venue is back, and is told once', async () => {
  const { connector, clock, sockets, socket, statuses, lines } = createBench('coinbase', ['BTC']);
  connector.start();
  socket().onOpen();
  socket().onFrame(ACK);
  const since = statuses.length;
  await clock.advance(1_000);
  const lostAtMs = clock.nowMs();
  socket().onClose('closed with code 1006');
  for (let attempt = 0; attempt < 10; attempt++) {
    await clock.advance(1_000);
    socket().onFail({ message: 'connect ECONNREFUSED', isUnseen: true });
  }
  expect(sockets).toHaveLength(11);
  await clock.advance(1_000);
  socket().onOpen();
  socket().onFrame(ACK);
  expect(statuses.slice(since).map(({ state, reason }) => `${state} ${reason}`)).toEqual([
    'down ConnectionLost',
    'down ConnectFailed',
    'ok Live',
  ]);
  expect(statuses.at(-2)).toMatchObject({ message: 'connect ECONNREFUSED', sinceMs: lostAtMs });
  expect(
    lines.filter(({ message }) => message === 'source changed').map(({ data }) => (data as ConnectorStatus).state),
  ).toEqual(['connecting', 'ok', 'down', 'ok']);
});

test('a refused symbol is named in the status and told once; the good one keeps flowing', async () => {
  const { connector, clock, socket, quotes, statuses, lines } = createBench('coinbase', ['BTC', 'FOO']);
  connector.start();
  socket().onOpen();
  const error = '{"type":"error","message":"Failed to subscribe","reason":"FOO-USD is not a valid product"}';
  socket().onFrame(error);
  socket().onFrame(error);
  socket().onFrame(ACK);
  socket().onFrame(TICKER('1', 1));
  expect(quotes).toHaveLength(1);
  const reason = 'Failed to subscribe: FOO-USD is not a valid product';
  expect(statuses.at(-1)).toMatchObject({
    state: 'ok',
    reason: 'SymbolsRefused',
    message: '1 of 2 symbols refused',
    quarantined: [{ asset: 'FOO', symbol: 'FOO-USD', reason }],
    quarantinedCount: 1,
  });
  socket().onClose('closed with code 1001');
  await clock.advance(1_000);
  socket().onOpen();
  expect(socket().sent[0]).toContain('"product_ids":["BTC-USD"]');
  expect(lines.filter(({ level }) => level === 'warn')).toEqual([
    { level: 'warn', message: 'venue refuses a symbol', data: { symbol: 'FOO-USD', reason } },
  ]);
});

test('a silent socket is pinged, then dropped and replaced; what it says later is not heard', async () => {
  const { connector, clock, sockets, socket, quotes, statuses } = createBench('coinbase', ['BTC']);
  connector.start();
  socket().onOpen();
  socket().onFrame(ACK);
  socket().onFrame(TICKER('1', 1));
  await clock.advance(5_000);
  expect(socket().pings).toBe(1);
  expect(statuses.at(-1)).toMatchObject({ state: 'quiet', reason: 'NoFrames' });
  socket().onPong();
  expect(statuses.at(-1)).toMatchObject({ state: 'ok' });
  await clock.advance(10_000);
  expect(socket().isTerminated).toBe(true);
  expect(statuses.at(-1)).toMatchObject({ state: 'down', reason: 'Silent' });
  await clock.advance(1_000);
  expect(sockets).toHaveLength(2);
  const told = quotes.length;
  const said = statuses.length;
  sockets[0]?.onFrame(TICKER('666', 2));
  sockets[0]?.onClose('at last');
  sockets[0]?.onOpen();
  expect(quotes).toHaveLength(told);
  expect(statuses).toHaveLength(said);
});

test('a venue with a ping of its own gets that one', async () => {
  const { connector, clock, socket } = createBench('kraken', ['BTC']);
  connector.start();
  socket().onOpen();
  socket().onFrame('{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD"},"success":true}');
  await clock.advance(3_000);
  expect(socket().pings).toBe(0);
  expect(JSON.parse(socket().sent.at(-1) ?? '')).toMatchObject({ method: 'ping' });
});

/** What a quiet venue sends: nothing but answers to pings. */
const QUIET = {
  gemini: {
    ack: '{"id":1,"status":200}',
    ticker: '{"u":1,"s":"btcusd","b":"83999.90","a":"84000.10","c":"84000.00"}',
    ping: '"method":"ping"',
    pong: '{"id":"ping-2","status":200}',
  },
  gateio: {
    ack: '{"id":1,"channel":"spot.tickers","event":"subscribe","payload":["BTC_USD"],"result":{"status":"success"}}',
    ticker: '{"channel":"spot.tickers","event":"update","result":{"currency_pair":"BTC_USD","last":"84000.0"}}',
    ping: 'spot.ping',
    pong: '{"channel":"spot.pong","event":"","result":null}',
  },
} as const;

test.each(['gemini', 'gateio'] as const)(
  '%s: while nothing trades, pings keep a price fresh and the connection what it is',
  async (id) => {
    const { ack, ticker, ping, pong } = QUIET[id];
    const { connector, clock, socket, quotes, statuses } = createBench(id, ['BTC']);
    connector.start();
    socket().onOpen();
    socket().onFrame(ack);
    socket().onFrame(ticker);
    const known = statuses.length;
    let answered = 0;
    for (let step = 0; step < 600; step++) {
      await clock.advance(100);
      const pings = socket().sent.filter((text) => text.includes(ping)).length;
      for (; answered < pings; answered++) socket().onFrame(pong);
    }
    expect(answered).toBe(24);
    const times = [...quotes.map(({ confirmedMonotonicMs: atMs }) => atMs), 60_000];
    const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(3_500);
    expect(statuses.slice(known)).toEqual([]);
    expect(new Set(quotes.map(({ price }) => formatDecimal(price)))).toEqual(new Set(['84000']));
  },
);

test('a venue that can list its subscriptions is asked for the list, and for what it does not list', async () => {
  const { connector, clock, socket } = createBench('gemini', ['BTC', 'ETH']);
  const sent = (): readonly unknown[] => socket().sent.map((text) => JSON.parse(text) as unknown);
  const both = ['btcusd@bookTicker', 'btcusd@trade'];
  connector.start();
  socket().onOpen();
  socket().onFrame('{"id":1,"status":200}');
  for (const symbol of ['btcusd', 'ethusd']) socket().onFrame(`{"u":1,"s":"${symbol}","c":"84000.00"}`);
  for (let step = 0; step < 60; step++) {
    await clock.advance(1_000);
    socket().onFrame('{"id":"ping-2","status":200}');
  }
  expect(sent()).toContainEqual({ id: 'list-2', method: 'list_subscriptions' });
  const before = sent().length;
  // Of ETH one stream of two is gone.
  socket().onFrame(JSON.stringify({ id: 'list-2', status: 200, result: [...both, 'ethusd@trade'] }));
  expect(sent().slice(before)).toEqual([{ id: 2, method: 'subscribe', params: ['ethusd@bookTicker', 'ethusd@trade'] }]);
});

test('Kraken under maintenance is halted, its prices age, and the work is announced once', async () => {
  const { connector, clock, socket, quotes, statuses, lines } = createBench('kraken', ['BTC']);
  const status = (system: string): string =>
    `{"channel":"status","type":"update","data":[{"system":"${system}","upcoming_maintenance":[{"title":"Work","expected_start_utc":"2026-01-01T09:00:00Z","expected_end_utc":"2026-01-01T10:00:00Z"}],"emergency":[]}]}`;
  connector.start();
  socket().onOpen();
  socket().onFrame(status('online'));
  socket().onFrame('{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD"},"success":true}');
  socket().onFrame('{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","last":84000.10}]}');
  await clock.advance(1_000);
  socket().onFrame('{"channel":"heartbeat"}');
  expect(quotes.at(-1)).toMatchObject({ confirmedMonotonicMs: 1_000 });
  socket().onFrame(status('cancel_only'));
  expect(statuses.at(-1)).toMatchObject({ state: 'halted', reason: 'VenueMaintenance', message: 'system cancel_only' });
  await clock.advance(1_000);
  socket().onFrame('{"channel":"heartbeat"}');
  expect(quotes.at(-1)).toMatchObject({ confirmedMonotonicMs: 1_000 });
  socket().onFrame(status('online'));
  expect(statuses.at(-1)).toMatchObject({ state: 'ok' });
  await clock.advance(1_000);
  socket().onFrame('{"channel":"heartbeat"}');
  expect(quotes.at(-1)).toMatchObject({ confirmedMonotonicMs: 3_000 });
  expect(lines.filter(({ message }) => message === 'venue announces maintenance')).toHaveLength(1);
});

const KRAKEN_STATUS = (system: string): string =>
  `{"channel":"status","type":"update","data":[{"system":"${system}"}]}`;
const KRAKEN_ACK = '{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD"},"success":true}';
const KRAKEN_TICKER = (price: string): string =>
  `{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","last":${price}}]}`;

test('a halt is told at once, and nothing confirms until the end of it, over a cut as well', async () => {
  const { connector, clock, socket, quotes, halted } = createBench('kraken', ['BTC']);
  connector.start();
  socket().onOpen();
  socket().onFrame(KRAKEN_STATUS('online'));
  socket().onFrame(KRAKEN_ACK);
  socket().onFrame(KRAKEN_TICKER('84000.10'));
  expect([quotes.length, halted]).toEqual([1, []]);
  socket().onFrame(KRAKEN_STATUS('post_only'));
  socket().onFrame(KRAKEN_STATUS('cancel_only'));
  expect(halted).toEqual(['BTC']);
  await clock.advance(1_000);
  socket().onFrame(KRAKEN_TICKER('84000.20'));
  socket().onClose('closed with code 1006');
  await clock.advance(7_000);
  socket().onOpen();
  socket().onFrame(KRAKEN_STATUS('post_only'));
  socket().onFrame(KRAKEN_ACK);
  socket().onFrame(KRAKEN_TICKER('84000.30'));
  await clock.advance(1_000);
  socket().onFrame('{"channel":"heartbeat"}');
  expect(quotes).toHaveLength(1);
  socket().onFrame(KRAKEN_STATUS('online'));
  await clock.advance(1_000);
  socket().onFrame('{"channel":"heartbeat"}');
  expect(
    quotes.slice(1).map(({ price, confirmedMonotonicMs }) => [formatDecimal(price), confirmedMonotonicMs]),
  ).toEqual([['84000.3', clock.monotonicMs()]]);
});

const KRAKEN_ANNOUNCEMENT =
  '{"channel":"status","type":"update","data":[{"system":"online","upcoming_maintenance":[{"title":"Restart","affected_services":["spot_ws"],"expected_start_utc":"2026-01-01T00:00:20Z","expected_end_utc":"2026-01-01T00:10:00Z"}]}]}';
const KRAKEN_TIMED = (price: string, micros: number): string =>
  `{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","last":${price},"timestamp":"2025-12-31T23:59:59.${micros}Z"}]}`;

test('before announced work the next connection takes over when it has everything, and the price is told once', async () => {
  const { connector, clock, sockets, socket, quotes, statuses, counts } = createBench('kraken', ['BTC']);
  connector.start();
  socket().onOpen();
  socket().onFrame(KRAKEN_ACK);
  socket().onFrame(KRAKEN_TIMED('84000.10', 100_001));
  await clock.advance(1_000);
  socket().onFrame(KRAKEN_ANNOUNCEMENT);
  const [first, second] = sockets;
  expect(statuses.at(-1)).toMatchObject({ state: 'ok', reason: 'Draining' });
  second?.onOpen();
  expect(second?.sent).toHaveLength(1);
  second?.onFrame(KRAKEN_ACK);
  second?.onFrame('{"channel":"heartbeat"}');
  expect([first?.isTerminated, second?.isTerminated]).toEqual([false, false]);
  first?.onFrame(KRAKEN_TIMED('84000.20', 100_002));
  second?.onFrame(KRAKEN_TIMED('84000.10', 100_001));
  expect([first?.isTerminated, second?.isTerminated]).toEqual([true, false]);
  expect(statuses.at(-1)).toMatchObject({ state: 'ok', reason: 'Live' });
  second?.onFrame(KRAKEN_TIMED('84000.20', 100_002));
  second?.onFrame(KRAKEN_TIMED('84000.30', 100_003));
  const prices = quotes.map(({ price }) => formatDecimal(price));
  expect([...new Set(prices)]).toEqual(['84000.1', '84000.2', '84000.3']);
  expect(prices).toEqual(prices.toSorted());
  expect(counts.get('weir.feed.drains handed-over')).toBe(1);
  expect([...counts.keys()].filter((key) => key.startsWith('weir.feed.connections_lost'))).toEqual([]);
  await connector.stop();
  expect([second?.isTerminated, clock.pendingTimers]).toEqual([true, 0]);
});

test('a second connection takes its turn in the connect budget, and one stop closes both', async () => {
  const bench = createBench('kraken', ['BTC'], { connectBurst: 1 });
  const { connector, clock, sockets, socket } = bench;
  connector.start();
  socket().onOpen();
  socket().onFrame(KRAKEN_ACK);
  socket().onFrame(KRAKEN_TIMED('84000.10', 100_001));
  socket().onFrame(KRAKEN_ANNOUNCEMENT);
  for (let s = 0; s < 6; s += 1) {
    await clock.advance(1_000);
    sockets[0]?.onFrame('{"channel":"heartbeat"}');
  }
  expect(sockets).toHaveLength(1);
  await clock.advance(1_000);
  expect(sockets).toHaveLength(2);
  await connector.stop();
  expect(sockets.map(({ isTerminated }) => isTerminated)).toEqual([true, true]);
  expect(clock.pendingTimers).toBe(0);
});

test('a venue that answers symbol by symbol is told of in a few statuses, which name a hundred refused ones', async () => {
  const assets = Array.from({ length: 4_000 }, (_, index) => `A${index}`);
  const { connector, clock, socket, statuses } = createBench('kraken', assets);
  connector.start();
  socket().onOpen();
  for (let asked = 0; asked < socket().sent.length; asked++) {
    const { params } = JSON.parse(socket().sent[asked] ?? '') as { readonly params: { readonly symbol: string[] } };
    for (const symbol of params.symbol) {
      const isRefused = Number(symbol.slice(1, -4)) % 2 === 0;
      const result = isRefused
        ? { success: false, error: `Currency pair not supported ${symbol}`, symbol }
        : { success: true, result: { channel: 'ticker', symbol } };
      socket().onFrame(JSON.stringify({ method: 'subscribe', ...result }));
    }
  }
  await clock.advance(100);
  expect(statuses.length).toBeLessThan(10);
  expect(statuses.at(-1)).toMatchObject({ reason: 'SymbolsRefused', quarantinedCount: 2_000 });
  expect(statuses.at(-1)?.quarantined).toHaveLength(100);
  await connector.stop();
  expect(clock.pendingTimers).toBe(0);
});

test('a halt of single markets is told with their names', () => {
  const { connector, socket, statuses, halted } = createBench('coinbase', ['BTC', 'ETH']);
  const status = (eth: string): string =>
    JSON.stringify({
      type: 'status',
      products: [
        { id: 'BTC-USD', status: 'online' },
        { id: 'ETH-USD', status: eth },
      ],
    });
  connector.start();
  socket().onOpen();
  socket().onFrame('{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["BTC-USD","ETH-USD"]}]}');
  socket().onFrame(status('offline'));
  expect(halted).toEqual(['ETH']);
  expect(statuses.at(-1)).toMatchObject({
    state: 'ok',
    reason: 'MarketsHalted',
    message: '1 of 2 markets stand still: ETH-USD',
  });
  socket().onFrame(status('online'));
  expect(statuses.at(-1)).toMatchObject({ state: 'ok', reason: 'Live' });
});

test('ignored frames are counted one by one and logged at most once a minute', async () => {
  const { connector, clock, socket, lines, counts } = createBench('coinbase', ['BTC']);
  connector.start();
  socket().onOpen();
  for (let n = 0; n < 50; n++) socket().onFrame('{"type":"something_new"}');
  socket().onFrame('{"type":"error","message":"you talk too much"}');
  await clock.advance(1_000);
  expect(counts.get('weir.feed.venue_events ignored')).toBe(50);
  expect(lines.filter(({ message }) => message === 'frames ignored')).toEqual([
    { level: 'info', message: 'frames ignored', data: { count: 1, why: 'type "something_new" is not used' } },
  ]);
  expect(lines).toContainEqual({
    level: 'warn',
    message: 'venue complained',
    data: { count: 1, reason: 'you talk too much' },
  });
});

test('connectors that share a budget share the limit of a host', async () => {
  const clock = createFakeClock();
  const connectBudget = createConnectBudget(clock);
  const venue = { ...getVenue('coinbase'), limits: { symbolsPerFrame: 50, connectsPerSecond: 1, connectBurst: 2 } };
  const opened: number[] = [];
  const connectors = [1, 2, 3, 4].map((n) =>
    createConnector({
      venue,
      url: 'wss://venue.test',
      symbols: [{ asset: 'BTC', quote: 'USD', symbol: 'BTC-USD' }],
      clock,
      logger: { debug: () => undefined, info: () => undefined, warn: () => undefined } as never,
      telemetry: { counter: () => ({ add: () => undefined, value: 0 }) },
      random: () => 0.5,
      onQuote: () => undefined,
      onHalted: () => undefined,
      onStatus: () => undefined,
      connectBudget,
      openSocket: () => {
        opened.push(n);
        return { send: () => undefined, ping: () => undefined, terminate: () => undefined, closed: Promise.resolve() };
      },
    }),
  );
  for (const connector of connectors) connector.start();
  expect(opened).toEqual([1, 2]);
  await clock.advance(1_000);
  expect(opened).toEqual([1, 2, 3]);
  await clock.advance(1_000);
  expect(opened).toEqual([1, 2, 3, 4]);
});

test('attempts that the venue never saw leave the budget as it was, all others do not', async () => {
  for (const isUnseen of [true, false]) {
    const { connector, clock, sockets, socket } = createBench('kraken', ['BTC']);
    connector.start();
    for (let second = 0; second < 55; second++) {
      // Fails once: while there is no newer socket this one was given up.
      socket().onFail({ message: 'no', isUnseen });
      await clock.advance(1_000);
    }
    // Kraken allows 40 at once and 0.15 a second after that.
    if (isUnseen) expect(sockets.length).toBeGreaterThan(50);
    else expect(sockets.length).toBeLessThanOrEqual(40 + 9);
    await connector.stop();
  }
});

test('an address that is none is a failure like any other', async () => {
  const { connector, clock, statuses } = createBench('coinbase', ['BTC'], {
    openSocket: () => {
      throw new SyntaxError('Invalid URL: nowhere');
    },
  });
  connector.start();
  await clock.advance(10_000);
  expect(statuses.at(-1)).toMatchObject({ state: 'down', reason: 'ConnectFailed', message: 'Invalid URL: nowhere' });
  await connector.stop();
  expect(clock.pendingTimers).toBe(0);
});

test('stop drops the socket and leaves no timer', async () => {
  const { connector, clock, socket, statuses } = createBench('coinbase', ['BTC']);
  connector.start();
  socket().onOpen();
  socket().onFrame(ACK);
  await connector.stop();
  expect(socket().isTerminated).toBe(true);
  expect(clock.pendingTimers).toBe(0);
  expect(statuses.at(-1)).toMatchObject({ state: 'down', reason: 'Stopped' });
  connector.start();
  await clock.advance(60_000);
  expect(clock.pendingTimers).toBe(0);
});

test('work that is told on a socket of its own, before prices are connected, counts for them', async () => {
  const { connector, clock, sockets, quotes } = createBench('bybit', ['BTC'], {
    url: 'wss://venue.test/v5/public/spot',
  });
  const work = (state: string): string =>
    JSON.stringify({
      topic: 'system.status',
      data: [{ id: '7', title: 'Upgrade', state, serviceTypes: [1], product: [2], env: 1 }],
    });
  connector.start();
  await clock.advance(0);
  const [prices, status] = sockets;
  status?.onOpen();
  status?.onFrame(work('ongoing'));
  prices?.onOpen();
  prices?.onFrame('{"success":true,"ret_msg":"","op":"subscribe","req_id":"1"}');
  prices?.onFrame('{"topic":"tickers.BTCUSD","cs":1,"data":{"symbol":"BTCUSD","lastPrice":"84000"}}');
  expect(connector.status).toMatchObject({ state: 'halted', message: 'Upgrade' });
  expect(quotes).toEqual([]);
  status?.onFrame(work('completed'));
  prices?.onFrame('{"topic":"tickers.BTCUSD","cs":2,"data":{"symbol":"BTCUSD","lastPrice":"84001"}}');
  expect(connector.status.state).toBe('ok');
  expect(quotes.map(({ price }) => formatDecimal(price))).toEqual(['84001']);
  await connector.stop();
  expect(sockets.map(({ isTerminated }) => isTerminated)).toEqual([true, true]);
});

test('a standstill of which nobody tells the end is over 15 minutes after its announced end', async () => {
  const { connector, clock, socket } = createBench('okx', ['BTC']);
  connector.start();
  socket().onOpen();
  socket().onFrame('{"event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USD"}}');
  socket().onFrame('{"arg":{"channel":"tickers"},"data":[{"instId":"BTC-USD","last":"84000"}]}');
  const end = String(clock.nowMs() + 60_000);
  const row = { title: 'Upgrade', state: 'ongoing', begin: '1', end, serviceType: '5' };
  socket().onFrame(JSON.stringify({ arg: { channel: 'status' }, data: [row] }));
  const stay = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5_000) {
      await clock.advance(5_000);
      socket().onFrame('pong');
    }
  };
  await stay(955_000);
  expect(connector.status.state).toBe('halted');
  // A market that stands still owes no sign of life, so it is not asked for again.
  expect(socket().sent.filter((text) => text.includes('subscribe'))).toHaveLength(1);
  await stay(5_000);
  expect(connector.status).toMatchObject({ state: 'ok', reason: 'Live' });
});
