import { createFakeClock } from '@weir/testing';
import { findVenue, type StatusEvent, type Venue } from '@weir/venues';
import { expect, test } from 'vitest';
import { createConnectBudget } from './connect-budget.ts';
import type { OpenSocket, SocketHandlers } from './socket.ts';
import { createStatusFeeds } from './status-feeds.ts';

interface FakeSocket extends SocketHandlers {
  readonly url: string;
  readonly sent: string[];
  isTerminated: boolean;
}

function getVenue(id: string): Venue {
  const venue = findVenue(id);
  if (venue === undefined) throw new Error(`no venue ${id}`);
  return venue;
}

const BYBIT = getVenue('bybit');
const ACK = '{"success":true,"ret_msg":"","op":"subscribe","req_id":"1"}';
const PONG = '{"success":true,"ret_msg":"pong","op":"ping"}';
const WORK = (state: string): string =>
  JSON.stringify({
    topic: 'system.status',
    data: [{ id: '7', title: 'Upgrade', state, serviceTypes: [1], product: [2], env: 1 }],
  });

function createBench() {
  const clock = createFakeClock();
  const sockets: FakeSocket[] = [];
  const lines: string[] = [];
  const openSocket: OpenSocket = (url, _handshakeTimeoutMs, handlers) => {
    const socket: FakeSocket = { ...handlers, url, sent: [], isTerminated: false };
    sockets.push(socket);
    return {
      send: (text) => void socket.sent.push(text),
      ping: () => undefined,
      terminate: () => {
        socket.isTerminated = true;
      },
      closed: Promise.resolve(),
    };
  };
  const feeds = createStatusFeeds({
    clock,
    budget: createConnectBudget(clock),
    // The one level that it writes, with a constant sentence.
    logger: { info: (_data: object, message: string) => void lines.push(message) } as never,
    random: () => 1,
    openSocket,
  });
  const follow = (url = BYBIT.defaultUrl, venue = BYBIT) => {
    const told: StatusEvent[] = [];
    return { told, end: feeds.follow(venue, url, (status) => told.push(status)) };
  };
  const socket = (): FakeSocket => {
    const newest = sockets.at(-1);
    if (newest === undefined) throw new Error('no socket was opened');
    return newest;
  };
  return { clock, sockets, socket, lines, follow };
}

test('all who follow a venue share one socket, and one who comes later is told what is known', async () => {
  const { clock, sockets, socket, follow } = createBench();
  const first = follow();
  await clock.advance(0);
  socket().onOpen();
  socket().onFrame(ACK);
  socket().onFrame(WORK('ongoing'));
  const second = follow();
  await clock.advance(0);
  expect(sockets.map(({ url }) => url)).toEqual(['wss://stream.bybit.com/v5/public/misc/status']);
  expect(JSON.parse(socket().sent[0] ?? '')).toMatchObject({ args: ['system.status'] });
  for (const { told } of [first, second]) expect(told).toMatchObject([{ state: 'halted', work: '7' }]);
  first.end();
  socket().onFrame(WORK('completed'));
  expect(second.told.at(-1)).toMatchObject({ state: 'online', maintenance: [] });
  expect(first.told).toHaveLength(1);
  expect(socket().isTerminated).toBe(false);
  second.end();
  expect(socket().isTerminated).toBe(true);
  await clock.advance(600_000);
  expect(sockets).toHaveLength(1);
});

test('another address has a socket of its own; venues and addresses without one have none', async () => {
  const { clock, sockets, follow } = createBench();
  follow();
  follow('wss://stream.bybit.kz/v5/public/spot');
  follow('wss://proxy.example/bybit');
  follow(getVenue('kraken').defaultUrl, getVenue('kraken'));
  await clock.advance(0);
  expect(sockets.map(({ url }) => URL.parse(url)?.host)).toEqual(['stream.bybit.com', 'stream.bybit.kz']);
});

test('it pings, and gives a socket up that answers nothing', async () => {
  const { clock, sockets, socket, follow } = createBench();
  follow();
  await clock.advance(0);
  socket().onOpen();
  socket().onFrame(ACK);
  for (let pings = 0; pings < 10; pings++) {
    await clock.advance(20_000);
    expect(socket().sent.at(-1)).toContain('"ping"');
    socket().onFrame(PONG);
  }
  expect(sockets).toHaveLength(1);
  await clock.advance(60_000);
  expect(socket().isTerminated).toBe(true);
  await clock.advance(5_000);
  expect(sockets).toHaveLength(2);
});

test('lost or refused, it is tried again ever less often, and told once', async () => {
  const { clock, sockets, socket, lines, follow } = createBench();
  follow();
  await clock.advance(0);
  socket().onFail({ message: 'HTTP status 404 instead of a WebSocket', isUnseen: false });
  for (const delayMs of [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
    await clock.advance(delayMs - 1);
    const before = sockets.length;
    await clock.advance(1);
    expect(sockets.length).toBe(before + 1);
    socket().onOpen();
    socket().onFrame('{"success":false,"ret_msg":"Invalid topic: system.status","op":"subscribe"}');
    expect(socket().isTerminated).toBe(true);
  }
  await clock.advance(300_000);
  socket().onOpen();
  socket().onFrame(ACK);
  expect(lines).toEqual(['status of a venue cannot be heard', 'venue tells of its status again']);
  socket().onClose('closed with code 1006');
  await clock.advance(5_000);
  expect(sockets).toHaveLength(11);
});

test('it takes its turn in the connect budget of its host', async () => {
  const { clock, sockets, follow } = createBench();
  const limits = { ...BYBIT.limits, connectBurst: 1, connectsPerSecond: 0.5 };
  const first = follow(BYBIT.defaultUrl, { ...BYBIT, limits });
  await clock.advance(0);
  first.end();
  follow(BYBIT.defaultUrl, { ...BYBIT, limits });
  await clock.advance(1_999);
  expect(sockets).toHaveLength(1);
  await clock.advance(1);
  expect(sockets).toHaveLength(2);
});
