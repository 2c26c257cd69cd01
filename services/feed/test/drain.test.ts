/** A venue that announces the end of its connections, over real sockets: what readers of its prices see of it. */
import { systemClock } from '@weir/clock';
import { spellSymbol, startExchanges, type ExchangeControl, type Exchanges, type VenueId } from '@weir/exchanges';
import { silentLogger, waitFor } from '@weir/testing';
import { findVenue, type Venue } from '@weir/venues';
import { formatDecimal } from '@weir/wire';
import { afterEach, expect, test } from 'vitest';
import { createConnector, type ConnectorStatus, type SourceQuote } from '../src/connect/connector.ts';
import { openWebSocket, type OpenSocket } from '../src/connect/socket.ts';

/** A gap of less than this many steps is shorter than a second. */
const STEPS_PER_SECOND = 100;
const ASSETS = ['BTC', 'ETH', 'SOL'] as const;
/** Some thirty steps of the price. */
const LAG_MS = 300;

interface Told extends SourceQuote {
  readonly atMs: number;
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Prices that only rise, so that an older one is a smaller one. */
function startRising(control: ExchangeControl): void {
  let step = 1_000;
  const timer = systemClock.setInterval(() => {
    step += 1;
    for (const asset of ASSETS) control.setPrice(asset, `${step}.5`);
  }, 1_000 / STEPS_PER_SECOND);
  cleanups.push(async () => timer.cancel());
}

/** Frames of the nth connection to prices arrive so much later. */
function lagging(lagMsOf: (connection: number) => number): OpenSocket {
  let opened = 0;
  return (url, handshakeTimeoutMs, handlers) => {
    // A socket that tells of work brings no price.
    opened += Number(!url.includes('status'));
    const lagMs = url.includes('status') ? 0 : lagMsOf(opened);
    const onFrame = (text: string): void => void systemClock.setTimeout(() => handlers.onFrame(text), lagMs);
    return openWebSocket(url, handshakeTimeoutMs, lagMs === 0 ? handlers : { ...handlers, onFrame });
  };
}

async function startSource(
  change: (venue: Venue) => Venue = (venue) => venue,
  id: VenueId = 'kraken',
  openSocket: OpenSocket = openWebSocket,
) {
  const known = findVenue(id);
  if (known === undefined) throw new Error(`no venue ${id}`);
  const pairs = ASSETS.map((asset) => ({ asset, quote: known.settlement, price: '1000.5' }));
  const exchanges: Exchanges = await startExchanges({ venues: [id], pairs, ticksPerSecond: 0 });
  cleanups.push(() => exchanges.stop());
  const venue = change(known);
  const told: Told[] = [];
  const statuses: ConnectorStatus[] = [];
  const counts = new Map<string, number>();
  const connector = createConnector({
    venue,
    url: exchanges.addresses[id]?.ws ?? '',
    symbols: pairs.map(({ asset, quote }) => ({ asset, quote, symbol: spellSymbol(id, asset, quote) })),
    clock: systemClock,
    logger: silentLogger,
    telemetry: {
      counter: (name, { attributes = {} }) => {
        const key = [name, ...Object.values(attributes).slice(1)].join(' ');
        return { add: (count = 1) => void counts.set(key, (counts.get(key) ?? 0) + count), value: 0 };
      },
    },
    random: Math.random,
    openSocket,
    onQuote: (quote) => told.push({ ...quote, atMs: systemClock.monotonicMs() }),
    onHalted: () => undefined,
    onStatus: (status) => statuses.push(status),
  });
  cleanups.push(() => connector.stop());
  const control = exchanges.venue(id);
  startRising(control);
  connector.start();
  await waitFor(
    () => connector.status.state === 'ok' && new Set(told.map(({ asset }) => asset)).size === ASSETS.length,
  );
  // Who tells of work on a socket of its own has to be heard there first.
  await waitFor(() => venue.statusSocket === undefined || control.received.some((text) => text.includes('status')));
  const startedMs = systemClock.monotonicMs();
  const since = statuses.length;
  return {
    connector,
    control,
    told,
    reasons: () => statuses.slice(since).map(({ state, reason }) => `${state} ${reason}`),
    count: (key: string) => counts.get(key) ?? 0,
    passed: (ms: number) => systemClock.monotonicMs() - startedMs > ms,
  };
}

type Source = Awaited<ReturnType<typeof startSource>>;

function expectNothingOlder({ told }: Source): void {
  for (const asset of ASSETS) {
    const ofAsset = told.filter((quote) => quote.asset === asset);
    const prices = ofAsset.map(({ price }) => Number(formatDecimal(price)));
    expect(prices).toEqual(prices.toSorted((a, b) => a - b));
    const confirmed = ofAsset.map(({ confirmedMonotonicMs }) => confirmedMonotonicMs);
    expect(confirmed).toEqual(confirmed.toSorted((a, b) => a - b));
  }
}

/** The most steps of the price that one asset has missed: at 100 a second, whatever holds this machine up. */
function mostMissed({ told }: Source): number {
  let most = 0;
  for (const asset of ASSETS) {
    const steps = told.filter((quote) => quote.asset === asset).map(({ price }) => Number(formatDecimal(price)));
    for (const [index, step] of steps.entries()) most = Math.max(most, step - (steps[index - 1] ?? step));
  }
  return most;
}

/** Both connections have sent the same, and it was told once. */
function expectDuplicatesDropped({ count }: Source): void {
  expect(count('weir.feed.tickers_dropped duplicate') + count('weir.feed.tickers_dropped older')).toBeGreaterThan(0);
}

// By a status on the socket of prices, by a notice on it, and by a status on a socket of its own.
test.each(['kraken', 'okx', 'bybit'] as const)(
  '%s: announced maintenance that cuts every connection is not seen in the price',
  async (id) => {
    const source = await startSource((venue) => venue, id);
    source.control.announceMaintenance(1_500);
    await waitFor(() => source.count('weir.feed.drains handed-over') === 1);
    await waitFor(() => source.control.subscribers('BTC') === 1);
    // Past the start of the maintenance, when those who stayed were cut.
    await waitFor(() => source.passed(3_000));
    expect(source.connector.status).toMatchObject({ state: 'ok', reason: 'Live' });
    expect(source.reasons()).toEqual(['ok Draining', 'ok Live']);
    expect(source.count('weir.feed.connects')).toBe(2);
    expect(mostMissed(source)).toBeLessThan(STEPS_PER_SECOND);
    expectNothingOlder(source);
    expectDuplicatesDropped(source);
  },
);

// Each of the two in turn: they never say the same at the same time.
test.each([
  ['kraken', 1],
  ['kraken', 2],
  ['okx', 1],
  ['okx', 2],
  ['bybit', 1],
  ['bybit', 2],
] as const)('%s: whatever connection %i lags, nothing older is told, and nothing is missed', async (id, late) => {
  const source = await startSource(
    (venue) => venue,
    id,
    lagging((connection) => (connection === late ? LAG_MS : 0)),
  );
  source.control.announceMaintenance(1_500);
  await waitFor(() => source.count('weir.feed.drains handed-over') === 1);
  await waitFor(() => source.passed(3_000));
  expect(source.count('weir.feed.connects')).toBe(2);
  // A first one that lags is left before it can repeat what the second has said.
  if (late === 2) expect(source.count('weir.feed.tickers_dropped older')).toBeGreaterThan(0);
  expectNothingOlder(source);
  expect(mostMissed(source)).toBeLessThan(STEPS_PER_SECOND);
});

test('a notice that the connection will end is enough: nothing else need be known of the work', async () => {
  // Its status channel is not heard.
  const source = await startSource(
    (venue) => ({ ...venue, decode: (frame) => venue.decode(frame.includes('"status"') ? '' : frame) }),
    'okx',
  );
  source.control.announceMaintenance(1_500);
  await waitFor(() => source.count('weir.feed.drains handed-over') === 1);
  await waitFor(() => source.control.subscribers('BTC') === 1 && source.passed(3_000));
  expect(source.reasons()).toEqual(['ok Draining', 'ok Live']);
  expect(source.count('weir.feed.connects')).toBe(2);
  expect(mostMissed(source)).toBeLessThan(STEPS_PER_SECOND);
  expectNothingOlder(source);
  expectDuplicatesDropped(source);
});

test('a venue that asks to leave a connection is left without a gap, by trade ids as well', async () => {
  const GOING = '{"type":"going_away"}';
  const source = await startSource(
    (venue) => ({
      ...venue,
      decode: (frame) => (frame === GOING ? [{ kind: 'drain', reason: 'upgrade in 60 s' }] : venue.decode(frame)),
    }),
    'coinbase',
  );
  source.control.push(GOING);
  await waitFor(() => source.count('weir.feed.drains handed-over') === 1);
  await waitFor(() => source.control.connections === 1 && source.passed(1_500));
  expect(source.reasons()).toEqual(['ok Draining', 'ok Live']);
  expect(mostMissed(source)).toBeLessThan(STEPS_PER_SECOND);
  expectNothingOlder(source);
  expectDuplicatesDropped(source);
});

test('where no second connection is to be had the first one speaks to its end, and is waited for as in maintenance', async () => {
  const source = await startSource((venue) => ({ ...venue, subscribeFrames: limitSubscriptions(venue) }));
  source.control.announceMaintenance(1_500, { isCut: true });
  await waitFor(() => source.reasons().includes('ok Draining'));
  await waitFor(() => source.passed(1_400));
  expect(source.connector.status.state).toBe('ok');
  expect(systemClock.monotonicMs() - (source.told.at(-1)?.atMs ?? 0)).toBeLessThan(1_000);
  await waitFor(() => source.connector.status.state === 'down');
  const downMs = systemClock.monotonicMs();
  source.control.restore();
  const before = source.told.length;
  await waitFor(() => source.told.length > before, 20_000);
  expect(systemClock.monotonicMs() - downMs).toBeLessThan(10_000);
  expectNothingOlder(source);
});

/** The venue does not hear the second connection's subscription, so that it never gets anywhere. */
function limitSubscriptions({ subscribeFrames }: Venue): Venue['subscribeFrames'] {
  let asked = 0;
  return (symbols, requestId, wallMs) => {
    asked += 1;
    return asked === 2 ? [] : subscribeFrames(symbols, requestId, wallMs);
  };
}
