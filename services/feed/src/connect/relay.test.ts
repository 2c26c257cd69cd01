import type { StatusEvent } from '@weir/venues';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LinkEvent, MachineSettings } from './machine-state.ts';
import {
  createRelayState,
  nextRelayWakeMs,
  reduceRelay,
  type RelayEffect,
  type RelayEvent,
  type RelayState,
} from './relay.ts';
import { symbolsIn } from './subscriptions.ts';

const SETTINGS: MachineSettings = {
  timing: { pingAfterMs: 3_000, deadAfterMs: 10_000, ackMs: 5_000, firstDataMs: 10_000 },
  symbolsPerFrame: 50,
};
const WALL_MS = Date.parse('2026-11-20T00:00:00Z');

/** A relay with a clock of its own: `advance` fires the ticks that fall due, as the connector would. */
function createBench(symbols: readonly string[] = ['A', 'B']) {
  let state: RelayState = createRelayState(symbols);
  const effects: RelayEffect[] = [];
  let nowMs = 0;
  let wallJumpMs = 0;
  const send = (event: RelayEvent): readonly RelayEffect[] => {
    const moment = { monotonicMs: nowMs, wallMs: WALL_MS + nowMs + wallJumpMs, chance: 0.5 };
    const step = reduceRelay(state, event, moment, SETTINGS);
    state = step.state;
    effects.push(...step.effects);
    return step.effects;
  };
  const bench = {
    send,
    main: (event: LinkEvent) => send({ ...event, connection: state.main.connection }),
    second: (event: LinkEvent) => send({ ...event, connection: bench.secondConnection }),
    get secondConnection() {
      return state.second?.machine.connection ?? -1;
    },
    ack: (connection: number, names = symbols) =>
      send({ type: 'subscribed', ack: { kind: 'subscribed', symbols: names, complete: false }, connection }),
    goLive() {
      send({ type: 'start' });
      bench.main({ type: 'opened' });
      bench.ack(state.main.connection);
      bench.main({ type: 'frame', sign: 'data' });
      expect(state.main.phase).toBe('live');
    },
    /** Up to and including `ms` from now; the main connection says something every second while it is open. */
    advance(ms: number, isSpeaking = true) {
      const endMs = nowMs + ms;
      let frameMs = nowMs + 1_000;
      for (;;) {
        const wake = nextRelayWakeMs(state, SETTINGS) ?? Infinity;
        const next = Math.min(wake, frameMs);
        if (next > endMs) break;
        nowMs = Math.max(nowMs, next);
        if (next === frameMs) {
          frameMs += 1_000;
          if (isSpeaking && state.main.link !== undefined) bench.main({ type: 'frame', sign: 'data' });
        } else send({ type: 'tick' });
      }
      nowMs = endMs;
    },
    announce(startsInMs: number, more: Partial<StatusEvent> = {}, lastsMs = 3_600_000) {
      const startsAt = new Date(WALL_MS + nowMs + startsInMs).toISOString();
      const endsAt = new Date(WALL_MS + nowMs + startsInMs + lastsMs).toISOString();
      const maintenance = [{ title: 'Work', startsAt, endsAt, isEmergency: false, endsConnections: true as const }];
      return bench.main({
        type: 'status',
        status: { kind: 'status', state: 'online', message: 'system online', maintenance, ...more },
      });
    },
    halted: { type: 'status', status: { kind: 'status', state: 'halted', message: 'system maintenance' } } as const,
    drain: () => send({ type: 'drain', reason: 'service upgrade', connection: state.main.connection }),
    /** A second connection as far as its subscription. */
    openSecond() {
      bench.second({ type: 'opened' });
      bench.ack(bench.secondConnection);
      expect(state.second?.machine.phase).toBe('live');
    },
    jumpWall: (ms: number) => void (wallJumpMs += ms),
    effects,
    isConnecting: (connection: number) =>
      [state.main, state.second?.machine].some(
        (machine) => machine?.connection === connection && machine.phase === 'connecting',
      ),
    /** Connections that never had a socket. */
    deferred: new Set<number>(),
    count: (type: RelayEffect['type']) => effects.filter((effect) => effect.type === type).length,
    notices: () => effects.flatMap((effect) => (effect.type === 'notice' ? [effect.notice.kind] : [])),
    get state() {
      return state;
    },
    get nowMs() {
      return nowMs;
    },
  };
  return bench;
}

function createLive() {
  const bench = createBench();
  bench.goLive();
  return bench;
}

test('asked to leave, it opens a second connection, and swaps in one step when everything is there', () => {
  const bench = createLive();
  const first = bench.state.main.connection;
  const asked = bench.drain();
  const second = bench.secondConnection;
  expect(asked).toContainEqual({ type: 'connect', connection: second, handshakeTimeoutMs: 10_000 });
  expect(second).not.toBe(first);
  expect(bench.state.main).toMatchObject({ phase: 'live', connection: first });
  const opened = bench.second({ type: 'opened' });
  expect(opened).toMatchObject([{ type: 'subscribe', connection: second, request: { symbols: ['A', 'B'] } }]);
  bench.ack(second, ['A']);
  expect(bench.send({ type: 'covered', connection: second })).toEqual([]);
  bench.ack(second, ['B']);
  expect(bench.state.main.connection).toBe(first);
  const swapped = bench.send({ type: 'covered', connection: second });
  expect(swapped[0]).toEqual({ type: 'terminate', connection: first });
  expect(bench.state).toMatchObject({
    main: { phase: 'live', connection: second, failure: undefined },
    second: undefined,
  });
  expect(bench.notices()).toEqual(['draining', 'handed-over']);
});

test('what the replaced connection still says is not heard', () => {
  const bench = createLive();
  const first = bench.state.main.connection;
  bench.drain();
  bench.openSecond();
  bench.send({ type: 'covered', connection: bench.secondConnection });
  const { state } = bench;
  expect(bench.send({ type: 'closed', message: 'restarting', connection: first })).toEqual([]);
  expect(bench.state).toBe(state);
});

test('announced work is prepared for 30 s before it begins, once', () => {
  const bench = createLive();
  bench.announce(120_000);
  bench.advance(89_999);
  expect(bench.state.second).toBeUndefined();
  bench.advance(1);
  bench.openSecond();
  bench.send({ type: 'covered', connection: bench.secondConnection });
  // The new connection is told of the same work, and is there when it begins.
  const startMs = 30_000;
  bench.announce(startMs);
  bench.advance(120_000);
  expect(bench.notices().filter((kind) => kind === 'draining')).toHaveLength(1);
  expect(bench.count('connect')).toBe(2);
});

test('work that begins within 30 s, or has begun under an open connection, is prepared for at once', () => {
  for (const startsInMs of [2_000, -1_000]) {
    const bench = createLive();
    bench.advance(5_000);
    bench.announce(startsInMs);
    expect(bench.state.second).toBeDefined();
  }
});

test('work that began before the connection, is over, is called off, or leaves connections alone, is none of its business', () => {
  const begun = createLive();
  begun.announce(-60_000);
  const over = createLive();
  over.advance(10_000);
  over.announce(-5_000, {}, 4_000);
  const calledOff = createLive();
  calledOff.announce(60_000);
  calledOff.announce(60_000, { maintenance: [] });
  const elsewhere = createLive();
  const startsAt = new Date(WALL_MS + 20_000).toISOString();
  elsewhere.announce(0, { maintenance: [{ title: 'Futures', startsAt, isEmergency: false }] });
  for (const bench of [begun, over, calledOff, elsewhere]) {
    bench.advance(120_000);
    expect(bench.count('connect')).toBe(1);
    expect(bench.state.main.phase).toBe('live');
  }
});

test('a wall clock that was put back meanwhile delays the preparation', () => {
  const bench = createLive();
  bench.announce(60_000);
  bench.jumpWall(-20_000);
  bench.advance(30_000);
  expect(bench.state.second).toBeUndefined();
  bench.advance(20_000);
  expect(bench.state.second).toBeDefined();
});

test('a refused second connection is tried three times, 5 s apart; the first one stays', () => {
  const bench = createLive();
  bench.drain();
  const attemptsMs: number[] = [];
  for (let attempt = 0; attempt < 3; attempt += 1) {
    attemptsMs.push(bench.nowMs);
    expect(bench.state.second?.machine.phase).toBe('connecting');
    bench.second({ type: 'failed', message: 'HTTP status 503 instead of a WebSocket' });
    if (attempt < 2) bench.advance(5_000);
  }
  expect(attemptsMs).toEqual([0, 5_000, 10_000]);
  expect(bench.state.second).toBeUndefined();
  expect(bench.notices()).toEqual(['draining', 'drain-given-up']);
  bench.advance(600_000);
  expect(bench.count('connect')).toBe(4);
  expect(bench.state.main.phase).toBe('live');
});

test('a second connection that is not there after 30 s is dropped, and its socket with it', () => {
  const bench = createLive();
  bench.drain();
  bench.openSecond();
  const second = bench.secondConnection;
  for (let s = 0; s < 29; s += 1) {
    bench.advance(1_000);
    bench.second({ type: 'frame', sign: 'data' });
  }
  expect(bench.state.second).toBeDefined();
  bench.advance(1_000);
  expect(bench.state.second).toBeUndefined();
  expect(bench.effects).toContainEqual({ type: 'terminate', connection: second });
  expect(bench.state.main.phase).toBe('live');
});

test('one that says that the venue is halted is dropped, and one that is itself to end is tried again', () => {
  const bench = createLive();
  bench.drain();
  bench.second({ type: 'opened' });
  bench.second(bench.halted);
  expect(bench.state).toMatchObject({ second: undefined, main: { phase: 'live', halt: { message: undefined } } });
  const again = createLive();
  again.drain();
  again.openSecond();
  again.send({ type: 'drain', reason: 'service upgrade', connection: again.secondConnection });
  expect(again.state.second?.machine.phase).toBe('backoff');
  again.advance(5_000);
  expect(again.state.second?.machine.phase).toBe('connecting');
});

test('while the venue is halted there is nothing to save', () => {
  const bench = createLive();
  bench.drain();
  bench.main(bench.halted);
  expect(bench.state.second).toBeUndefined();
  bench.drain();
  bench.advance(120_000);
  expect(bench.count('connect')).toBe(2);
  bench.main({ type: 'status', status: { kind: 'status', state: 'online', message: 'system online' } });
  expect(bench.state.second).toBeDefined();
});

test('an attempt that the connect budget puts off waits its turn and counts as none', () => {
  const bench = createLive();
  bench.drain();
  bench.send({ type: 'deferred', waitMs: 6_700, connection: bench.secondConnection });
  bench.advance(6_699);
  expect(bench.state.second).toMatchObject({ attempts: 0, machine: { phase: 'backoff' } });
  bench.advance(1);
  expect(bench.state.second?.machine.phase).toBe('connecting');
  bench.send({ type: 'deferred', waitMs: 60_000, connection: bench.secondConnection });
  expect(bench.state.second).toBeUndefined();
});

test('when the first connection ends, a second one on its way goes on in its place, whatever it has reached', () => {
  for (const reached of ['connecting', 'subscribing', 'live'] as const) {
    const bench = createLive();
    bench.drain();
    const second = bench.secondConnection;
    if (reached === 'subscribing') bench.second({ type: 'opened' });
    if (reached === 'live') bench.openSecond();
    bench.main({ type: 'closed', message: 'closed with code 1012' });
    expect(bench.state).toMatchObject({ second: undefined, main: { phase: reached, connection: second } });
    expect(bench.state.main.failure?.reason).toBe(reached === 'live' ? undefined : 'ConnectionLost');
    expect(bench.count('connect')).toBe(2);
  }
});

test('one that still waits for its handshake then gets as long as in an outage', () => {
  const bench = createLive();
  bench.drain();
  bench.main({ type: 'closed', message: 'closed with code 1012' });
  bench.advance(2_999);
  expect(bench.state.main.phase).toBe('connecting');
  bench.advance(1);
  expect(bench.state.main).toMatchObject({ phase: 'backoff', failure: { reason: 'ConnectTimeout' } });
});

test('with no second connection to be had the end of the first is an outage at the pace of maintenance', () => {
  const bench = createLive();
  bench.advance(70_000);
  bench.announce(10_000);
  bench.second({ type: 'failed', message: 'refused' });
  bench.advance(3_000);
  // Not even begun: what the second waits for does not hold the first one back.
  bench.main({ type: 'closed', message: 'closed with code 1012' });
  expect(bench.state).toMatchObject({ second: undefined, main: { phase: 'backoff' } });
  expect(bench.state.main.untilMs - bench.nowMs).toBeLessThanOrEqual(250);
  bench.main({ type: 'closed', message: '' });
  const during = createLive();
  during.advance(70_000);
  during.announce(10_000);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    during.second({ type: 'failed', message: 'refused' });
    during.advance(5_000);
  }
  during.main({ type: 'closed', message: 'closed with code 1012' });
  expect(during.state).toMatchObject({ second: undefined, main: { phase: 'backoff' } });
  expect(during.state.main.untilMs - during.nowMs).toBeGreaterThanOrEqual(5_000);
});

test('a half-open first connection is left for the second', () => {
  const bench = createLive();
  bench.drain();
  bench.openSecond();
  const second = bench.secondConnection;
  for (let s = 0; s < 11; s += 1) {
    if (bench.state.second !== undefined) bench.second({ type: 'frame', sign: 'data' });
    bench.advance(1_000, false);
  }
  expect(bench.state.main).toMatchObject({ connection: second, phase: 'live', failure: undefined });
});

test('drainings begin a minute apart, however often a venue asks', () => {
  const bench = createLive();
  for (let s = 0; s < 299; s += 1) {
    bench.drain();
    if (bench.state.second?.machine.phase === 'connecting') {
      bench.openSecond();
      bench.send({ type: 'covered', connection: bench.secondConnection });
    }
    bench.advance(1_000);
  }
  expect(bench.notices().filter((kind) => kind === 'draining')).toHaveLength(5);
});

test('stop ends both connections, and nothing is due after it', () => {
  const bench = createLive();
  bench.drain();
  const [first, second] = [bench.state.main.connection, bench.secondConnection];
  bench.send({ type: 'stop' });
  const ended = bench.effects.flatMap((effect) => (effect.type === 'terminate' ? [effect.connection] : []));
  expect(ended).toEqual([first, second]);
  expect(bench.state).toMatchObject({ main: { phase: 'stopped' }, second: undefined });
  expect(nextRelayWakeMs(bench.state, SETTINGS)).toBeUndefined();
});

test('a symbol that only the second connection refuses is refused with the swap, and not before', () => {
  const bench = createLive();
  bench.drain();
  bench.second({ type: 'opened' });
  bench.second({ type: 'rejected', rejection: { kind: 'rejected', symbols: ['B'], reason: 'bad' } });
  bench.ack(bench.secondConnection, ['A']);
  expect(symbolsIn(bench.state.main.subscriptions.symbols, 'subscribed')).toEqual(['A', 'B']);
  bench.send({ type: 'covered', connection: bench.secondConnection });
  expect(symbolsIn(bench.state.main.subscriptions.symbols, 'subscribed')).toEqual(['A']);
  expect(symbolsIn(bench.state.main.subscriptions.symbols, 'refused')).toEqual(['B']);
});

test('whatever happens, no number is given twice, at most two sockets are open, and none is forgotten', () => {
  const anyEvent = fc.oneof(
    fc.constantFrom('opened', 'closed', 'failed', 'ack', 'covered', 'drain', 'deferred', 'halt', 'online', 'announce'),
    fc.constant('tick'),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyEvent, fc.boolean(), fc.integer({ min: 0, max: 20_000 })), { maxLength: 80 }),
      (events) => {
        const bench = createBench();
        bench.send({ type: 'start' });
        for (const [kind, isSecond, waitMs] of events) {
          bench.advance(waitMs);
          play(bench, kind, isSecond ? bench.secondConnection : bench.state.main.connection);
        }
        const given = bench.effects.flatMap((effect) => (effect.type === 'connect' ? [effect.connection] : []));
        expect(new Set(given).size).toBe(given.length);
        bench.send({ type: 'stop' });
        const open = new Set<number>();
        for (const { type, connection } of bench.effects) {
          if (type === 'connect' && !bench.deferred.has(connection)) open.add(connection);
          if (type === 'terminate') open.delete(connection);
          expect(open.size).toBeLessThanOrEqual(2);
        }
        expect([...open]).toEqual([]);
      },
    ),
  );
});

function play(bench: ReturnType<typeof createBench>, kind: string, connection: number): void {
  switch (kind) {
    case 'opened':
      bench.send({ type: 'opened', connection });
      break;
    case 'closed':
    case 'failed':
      bench.send({ type: kind, message: 'no', connection });
      break;
    case 'ack':
      bench.ack(connection);
      break;
    case 'covered':
      bench.send({ type: 'covered', connection });
      break;
    case 'drain':
      bench.send({ type: 'drain', reason: 'upgrade', connection });
      break;
    case 'deferred':
      if (!bench.isConnecting(connection)) break;
      bench.deferred.add(connection);
      bench.send({ type: 'deferred', waitMs: 3_000, connection });
      break;
    case 'halt':
      bench.send({ ...bench.halted, connection });
      break;
    case 'online':
      bench.send({ type: 'status', status: { kind: 'status', state: 'online', message: '' }, connection });
      break;
    case 'announce':
      if (bench.state.main.link !== undefined) bench.announce(20_000);
      break;
    default:
      bench.send({ type: 'tick' });
  }
}
