import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createConnectorState,
  type ConnectorEvent,
  type ConnectorState,
  type Effect,
  type LinkEvent,
  type MachineSettings,
  type Sign,
} from './machine-state.ts';
import { nextWakeMs, reduce } from './machine.ts';
import { symbolsIn } from './subscriptions.ts';

const SETTINGS: MachineSettings = {
  timing: { pingAfterMs: 3_000, deadAfterMs: 10_000, ackMs: 5_000, firstDataMs: 10_000, dataSilenceMs: 600_000 },
  symbolsPerFrame: 50,
};
const WALL_MS = Date.parse('2026-11-20T00:00:00Z');

/** A machine with a clock of its own: `advance` fires the ticks that fall due, as the connector would. */
function createMachine(symbols: readonly string[] = ['A', 'B'], settings: MachineSettings = SETTINGS) {
  let state: ConnectorState = createConnectorState(symbols);
  let effects: Effect[] = [];
  let nowMs = 0;
  const send = (event: ConnectorEvent): readonly Effect[] => {
    const step = reduce(state, event, { monotonicMs: nowMs, wallMs: WALL_MS + nowMs, chance: 0.5 }, settings);
    state = step.state;
    effects.push(...step.effects);
    return step.effects;
  };
  const machine = {
    send,
    link: (event: LinkEvent, connection = state.connection) => send({ ...event, connection }),
    frame: (sign: Sign = 'data') => machine.link({ type: 'frame', sign }),
    ack: (names: readonly string[], complete = false) =>
      machine.link({ type: 'subscribed', ack: { kind: 'subscribed', symbols: names, complete } }),
    refuse: (names: readonly string[]) =>
      machine.link({ type: 'rejected', rejection: { kind: 'rejected', symbols: names, reason: 'bad' } }),
    status: (isHalted: boolean) =>
      machine.link({
        type: 'status',
        status: { kind: 'status', state: isHalted ? 'halted' : 'online', message: 'system maintenance' },
      }),
    /** Up to and including `ms` from now. */
    advance: (ms: number) => {
      const endMs = nowMs + ms;
      for (let wake = nextWakeMs(state, settings); wake !== undefined && wake <= endMs;) {
        nowMs = Math.max(nowMs, wake);
        send({ type: 'tick' });
        wake = nextWakeMs(state, settings);
      }
      nowMs = endMs;
    },
    goLive: () => {
      if (state.phase === 'idle') send({ type: 'start' });
      if (state.phase === 'backoff') machine.advance(machine.delayMs);
      expect(state.phase).toBe('connecting');
      machine.link({ type: 'opened' });
      machine.ack(symbolsIn(state.subscriptions.symbols, 'wanted'));
      machine.frame();
      expect(state.phase).toBe('live');
    },
    /** Stays live for that long, a frame each second. */
    stayLive: (ms: number) => {
      for (let passed = 0; passed < ms; passed += 1_000) {
        machine.advance(1_000);
        machine.frame();
      }
    },
    takeEffects: () => {
      const taken = effects;
      effects = [];
      return taken;
    },
    get state() {
      return state;
    },
    get nowMs() {
      return nowMs;
    },
    /** Until the next attempt, from now. */
    get delayMs() {
      return state.untilMs - nowMs;
    },
  };
  return machine;
}

test('idle: start asks for a connection, nothing else does anything', () => {
  const machine = createMachine();
  for (const event of [{ type: 'tick' }, { type: 'deferred', waitMs: 5 }] as const) {
    expect(machine.send(event)).toEqual([]);
    expect(machine.state.phase).toBe('idle');
  }
  expect(machine.send({ type: 'start' })).toEqual([{ type: 'connect', connection: 1, handshakeTimeoutMs: 10_000 }]);
  expect(machine.state.phase).toBe('connecting');
  expect(machine.send({ type: 'start' })).toEqual([]);
});

test('connecting: opened asks for the wanted symbols', () => {
  const machine = createMachine();
  machine.send({ type: 'start' });
  expect(machine.link({ type: 'opened' })).toEqual([{ type: 'subscribe', request: { id: 1, symbols: ['A', 'B'] } }]);
  expect(machine.state.phase).toBe('subscribing');
});

test('connecting: a failure waits a quarter of a second at most, then up to a second', () => {
  const machine = createMachine();
  machine.send({ type: 'start' });
  machine.link({ type: 'failed', message: 'refused' });
  expect(machine.state).toMatchObject({ phase: 'backoff', failure: { reason: 'ConnectFailed', message: 'refused' } });
  expect(machine.delayMs).toBe(125);
  machine.takeEffects();
  machine.advance(125);
  expect(machine.takeEffects()).toEqual([{ type: 'connect', connection: 3, handshakeTimeoutMs: 3_000 }]);
  machine.link({ type: 'failed', message: 'refused' });
  expect(machine.delayMs).toBe(750);
});

test('connecting: no answer to the handshake counts as a failure', () => {
  const machine = createMachine();
  machine.send({ type: 'start' });
  machine.takeEffects();
  machine.advance(9_999);
  expect(machine.state.phase).toBe('connecting');
  machine.advance(1);
  expect(machine.state).toMatchObject({ phase: 'backoff', failure: { reason: 'ConnectTimeout' } });
  expect(machine.takeEffects()).toEqual([{ type: 'terminate' }]);
});

test('connecting: a deferred attempt waits its turn and counts as no failure', () => {
  const machine = createMachine();
  machine.send({ type: 'start' });
  machine.send({ type: 'deferred', waitMs: 4_000 });
  expect(machine.state).toMatchObject({ phase: 'backoff', attempts: 0, failure: undefined });
  machine.advance(3_999);
  expect(machine.state.phase).toBe('backoff');
  machine.advance(1);
  expect(machine.state.phase).toBe('connecting');
});

test('connecting: Retry-After is kept', () => {
  const machine = createMachine();
  machine.send({ type: 'start' });
  machine.link({ type: 'failed', message: 'HTTP status 429', retryAfterMs: 20_000 });
  expect(machine.delayMs).toBe(20_000);
});

test('subscribing: live when every symbol is confirmed or refused', () => {
  const machine = createMachine(['A', 'BAD']);
  machine.send({ type: 'start' });
  machine.link({ type: 'opened' });
  machine.ack(['A']);
  expect(machine.state.phase).toBe('subscribing');
  expect(machine.refuse(['BAD'])).toEqual([
    { type: 'notice', notice: { kind: 'refused', symbol: 'BAD', reason: 'bad' } },
  ]);
  expect(machine.state.phase).toBe('live');
});

test('subscribing: a venue that answers to nothing within 5 s is given up', () => {
  const machine = createMachine();
  machine.send({ type: 'start' });
  machine.link({ type: 'opened' });
  machine.advance(4_999);
  machine.frame('heartbeat');
  expect(machine.state.phase).toBe('subscribing');
  machine.advance(1);
  expect(machine.state).toMatchObject({ phase: 'backoff', failure: { reason: 'SubscribeTimeout' } });
});

test('subscribing: a venue that answers to some symbols is kept, the silent one asked for again', () => {
  const machine = createMachine(['A', 'MUTE']);
  machine.send({ type: 'start' });
  machine.link({ type: 'opened' });
  machine.ack(['A']);
  machine.frame();
  machine.stayLive(5_000);
  expect(machine.state.phase).toBe('live');
  machine.takeEffects();
  machine.stayLive(60_000);
  expect(machine.takeEffects()).toContainEqual({ type: 'reconcile' });
  machine.link({ type: 'reconcile', unproven: [] });
  expect(machine.takeEffects()).toEqual([{ type: 'subscribe', request: { id: 2, symbols: ['MUTE'] } }]);
});

test('subscribing: the good symbol of a request that a bad one spoiled is asked for again', () => {
  const machine = createMachine(['GOOD', 'BAD']);
  machine.send({ type: 'start' });
  machine.link({ type: 'opened' });
  machine.refuse(['BAD']);
  machine.takeEffects();
  machine.advance(1_000);
  expect(machine.takeEffects()).toEqual([{ type: 'subscribe', request: { id: 2, symbols: ['GOOD'] } }]);
  machine.ack(['GOOD']);
  expect(machine.state.phase).toBe('live');
});

test('subscribing: no data within 10 s is a failure, a heartbeat is a sign that it works', () => {
  const mute = createMachine();
  mute.send({ type: 'start' });
  mute.link({ type: 'opened' });
  mute.ack(['A', 'B']);
  for (let second = 0; second < 10; second++) {
    expect(mute.state.phase).toBe('live');
    mute.frame('other');
    mute.advance(1_000);
  }
  expect(mute.state).toMatchObject({ phase: 'backoff', failure: { reason: 'NoData' } });

  const quiet = createMachine();
  quiet.send({ type: 'start' });
  quiet.link({ type: 'opened' });
  quiet.ack(['A', 'B']);
  for (let second = 0; second < 60; second++) {
    quiet.frame('heartbeat');
    quiet.advance(1_000);
  }
  expect(quiet.state.phase).toBe('live');
});

test('live: heartbeats without data for longer than the venue may be mean a frozen stream', () => {
  const machine = createMachine();
  machine.goLive();
  for (let second = 0; second < 599; second++) {
    machine.advance(1_000);
    machine.frame('heartbeat');
  }
  expect(machine.state.phase).toBe('live');
  machine.advance(1_000);
  expect(machine.state).toMatchObject({ phase: 'backoff', failure: { reason: 'NoData' } });
});

test('live: a lost connection is retried at once', () => {
  const machine = createMachine();
  machine.goLive();
  machine.link({ type: 'closed', message: 'closed with code 1006' });
  expect(machine.state).toMatchObject({ phase: 'backoff', failure: { reason: 'ConnectionLost' } });
  expect(machine.delayMs).toBe(125);
});

test('live: wanted and confirmed are compared every 60 s', () => {
  const machine = createMachine();
  machine.goLive();
  machine.takeEffects();
  machine.stayLive(180_000);
  expect(machine.takeEffects()).toEqual([{ type: 'reconcile' }, { type: 'reconcile' }, { type: 'reconcile' }]);
  expect(machine.link({ type: 'reconcile', unproven: ['B'] })).toEqual([
    { type: 'subscribe', request: { id: 2, symbols: ['B'] } },
  ]);
  expect(machine.state.phase).toBe('live');
});

test('live: a sign of life is asked for at intervals where the venue needs it, which is no degradation', () => {
  const settings: MachineSettings = { ...SETTINGS, timing: { ...SETTINGS.timing, pingEveryMs: 2_500 } };
  const machine = createMachine(['A', 'B'], settings);
  machine.goLive();
  machine.takeEffects();
  for (let second = 1; second <= 10; second++) {
    machine.advance(1_000);
    machine.frame('other');
    expect(machine.state.phase).toBe('live');
  }
  const ping = { type: 'ping', requestId: 2 };
  expect(machine.takeEffects()).toEqual([ping, ping, ping, ping]);
  // Without an answer silence is what it is everywhere.
  machine.advance(3_000);
  expect(machine.state.phase).toBe('degraded');
  machine.advance(7_000);
  expect(machine.state).toMatchObject({ phase: 'backoff', failure: { reason: 'Silent' } });
});

test('live: a venue that can list what it has is asked every 60 s, and what it lacks is asked for at once', () => {
  const machine = createMachine(['A', 'B', 'C'], { ...SETTINGS, canList: true });
  machine.goLive();
  machine.takeEffects();
  machine.stayLive(60_000);
  expect(machine.takeEffects()).toEqual([{ type: 'list', requestId: 2 }, { type: 'reconcile' }]);
  machine.link({ type: 'reconcile', unproven: [] });
  machine.ack(['A', 'B', 'C'], true);
  expect(machine.takeEffects()).toEqual([]);
  machine.stayLive(60_000);
  machine.takeEffects();
  machine.ack(['A'], true);
  expect(machine.takeEffects()).toEqual([{ type: 'subscribe', request: { id: 2, symbols: ['B', 'C'] } }]);
  // Another list while the answer is awaited asks for nothing twice.
  machine.ack(['A'], true);
  expect(machine.takeEffects()).toEqual([]);
  machine.ack(['B', 'C']);
  expect(symbolsIn(machine.state.subscriptions.symbols, 'subscribed')).toEqual(['A', 'B', 'C']);
});

test('live: a refused symbol is asked for alone when its time has come, and told when it is accepted', () => {
  const machine = createMachine(['A', 'BAD']);
  machine.send({ type: 'start' });
  machine.link({ type: 'opened' });
  machine.ack(['A']);
  machine.refuse(['BAD']);
  machine.takeEffects();
  machine.stayLive(599_000);
  expect(machine.takeEffects().filter(({ type }) => type === 'subscribe')).toEqual([]);
  machine.stayLive(1_000);
  expect(machine.takeEffects()).toContainEqual({ type: 'subscribe', request: { id: 2, symbols: ['BAD'] } });
  expect(machine.ack(['BAD'])).toEqual([
    { type: 'notice', notice: { kind: 'accepted', symbol: 'BAD', reason: 'bad' } },
  ]);
});

test('degraded: silence is answered with a ping, and any frame ends it', () => {
  const machine = createMachine();
  machine.goLive();
  machine.takeEffects();
  machine.advance(2_999);
  expect(machine.state.phase).toBe('live');
  machine.advance(1);
  expect(machine.state.phase).toBe('degraded');
  expect(machine.takeEffects()).toEqual([{ type: 'ping', requestId: 2 }]);
  machine.advance(3_000);
  expect(machine.takeEffects()).toEqual([]);
  machine.frame('other');
  expect(machine.state.phase).toBe('live');
});

test('degraded: silence for 10 s is a half-open connection, which is terminated', () => {
  const machine = createMachine();
  machine.goLive();
  machine.takeEffects();
  machine.advance(10_000);
  expect(machine.state).toMatchObject({ phase: 'backoff', failure: { reason: 'Silent' } });
  expect(machine.takeEffects().at(-1)).toEqual({ type: 'terminate' });
});

test('hours of good service before a silent end earn an immediate retry', () => {
  const machine = createMachine();
  machine.send({ type: 'start' });
  machine.link({ type: 'failed', message: 'refused' });
  machine.goLive();
  machine.stayLive(7_200_000);
  machine.advance(10_000);
  expect(machine.state).toMatchObject({ phase: 'backoff', attempts: 1 });
  expect(machine.delayMs).toBeLessThanOrEqual(250);
});

test('backoff: only 60 s of being live earn the next immediate retry', () => {
  const machine = createMachine();
  machine.goLive();
  machine.stayLive(3_600_000);
  machine.link({ type: 'closed', message: '' });
  expect(machine.delayMs).toBe(125);
  machine.goLive();
  machine.stayLive(59_000);
  machine.link({ type: 'closed', message: '' });
  expect(machine.delayMs).toBe(750);
  machine.goLive();
  machine.stayLive(60_000);
  machine.link({ type: 'closed', message: '' });
  expect(machine.delayMs).toBe(125);
});

test('backoff: the 60 s of being live are without a break, which being degraded is', () => {
  const machine = createMachine();
  machine.goLive();
  machine.stayLive(60_000);
  machine.link({ type: 'closed', message: '' });
  expect(machine.delayMs).toBe(125);
  machine.goLive();
  machine.stayLive(56_000);
  machine.advance(3_000);
  // Live for 59 s.
  expect(machine.state.phase).toBe('degraded');
  machine.frame();
  expect(machine.state.phase).toBe('live');
  machine.stayLive(1_000);
  machine.link({ type: 'closed', message: '' });
  // Of the second failure in a row: its delay, not the immediate retry's.
  expect(machine.delayMs).toBe(750);
  expect(machine.state.attempts).toBe(2);
});

test('backoff: an outage ends with 10 s of being live, so the next one starts with quick retries', () => {
  const machine = createMachine();
  machine.goLive();
  machine.link({ type: 'closed', message: '' });
  const fail = (): void => {
    machine.advance(machine.delayMs);
    machine.link({ type: 'failed', message: 'refused' });
  };
  while (machine.nowMs < 400_000) fail();
  expect(machine.delayMs).toBe(22_500);
  machine.goLive();
  machine.stayLive(9_000);
  machine.link({ type: 'closed', message: '' });
  expect(machine.delayMs).toBe(22_500);
  machine.goLive();
  machine.stayLive(10_000);
  machine.link({ type: 'closed', message: '' });
  expect(machine.delayMs).toBe(750);
});

test('backoff: a cut of 10 to 55 s is over within a second and a handshake', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10_000, max: 55_000 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (cutMs, luck) => {
        let state = createConnectorState(['A']);
        let nowMs = 0;
        const send = (event: ConnectorEvent): void => {
          const chance = luck.next().value ?? 0;
          state = reduce(state, event, { monotonicMs: nowMs, wallMs: nowMs, chance }, SETTINGS).state;
        };
        send({ type: 'start' });
        while (nowMs < cutMs) {
          send({ type: 'failed', message: 'refused', connection: state.connection });
          nowMs = state.untilMs;
          send({ type: 'tick' });
        }
        // The first attempt after the venue is back.
        expect(state.phase).toBe('connecting');
        expect(nowMs - cutMs).toBeLessThanOrEqual(1_000);
      },
    ),
  );
});

test('backoff: while every symbol is refused nobody connects in vain', () => {
  const machine = createMachine(['BAD', 'WORSE']);
  machine.send({ type: 'start' });
  machine.link({ type: 'opened' });
  machine.refuse(['BAD']);
  machine.takeEffects();
  machine.refuse(['WORSE']);
  expect(machine.state).toMatchObject({ phase: 'backoff', failure: { reason: 'AllSymbolsRefused' } });
  expect(machine.takeEffects()).toContainEqual({ type: 'terminate' });
  machine.advance(599_999);
  expect(machine.takeEffects()).toEqual([]);
  machine.advance(1);
  machine.link({ type: 'opened' });
  expect(machine.takeEffects()).toContainEqual({ type: 'subscribe', request: { id: 2, symbols: ['BAD'] } });
});

test('backoff: without symbols nobody connects at all', () => {
  const machine = createMachine([]);
  expect(machine.send({ type: 'start' })).toEqual([]);
  expect(nextWakeMs(machine.state, SETTINGS)).toBeUndefined();
});

test('halted: no data is due, and a drop is answered no sooner than after 5 s', () => {
  const machine = createMachine();
  machine.send({ type: 'start' });
  machine.link({ type: 'opened' });
  machine.status(true);
  machine.ack(['A', 'B']);
  for (let second = 0; second < 60; second++) {
    machine.frame('other');
    machine.advance(1_000);
  }
  expect(machine.state.phase).toBe('live');
  machine.link({ type: 'closed', message: '' });
  expect(machine.delayMs).toBeGreaterThanOrEqual(5_000);
  machine.goLive();
  // Online again: data has 10 s to come.
  machine.status(true);
  machine.advance(1_000);
  machine.status(false);
  machine.frame('other');
  expect(machine.state.phase).toBe('live');
});

test('after a halt without any data the venue has 10 s to send some', () => {
  const machine = createMachine();
  machine.send({ type: 'start' });
  machine.link({ type: 'opened' });
  machine.status(true);
  machine.ack(['A', 'B']);
  for (let second = 0; second < 100; second++) {
    machine.advance(1_000);
    machine.frame('other');
  }
  machine.status(false);
  machine.advance(2_000);
  expect(machine.state.phase).toBe('live');
  for (let second = 0; second < 8; second++) {
    machine.frame('other');
    machine.advance(1_000);
  }
  expect(machine.state).toMatchObject({ phase: 'backoff', failure: { reason: 'NoData' } });
});

test('stopped: from any phase, for good, and the socket is dropped if there is one', () => {
  const idle = createMachine();
  expect(idle.send({ type: 'stop' })).toEqual([]);
  expect(idle.send({ type: 'start' })).toEqual([]);
  const connecting = createMachine();
  connecting.send({ type: 'start' });
  expect(connecting.send({ type: 'stop' })).toEqual([{ type: 'terminate' }]);
  const live = createMachine();
  live.goLive();
  expect(live.send({ type: 'stop' })).toEqual([{ type: 'terminate' }]);
  expect(live.state.phase).toBe('stopped');
  expect(nextWakeMs(live.state, SETTINGS)).toBeUndefined();
  expect(live.frame()).toEqual([]);
  expect(live.send({ type: 'stop' })).toEqual([]);
});

test('what a replaced socket still reports is ignored', () => {
  const machine = createMachine();
  machine.goLive();
  const ghost = machine.state.connection;
  machine.link({ type: 'closed', message: '' });
  const events: LinkEvent[] = [
    { type: 'opened' },
    { type: 'frame', sign: 'data' },
    { type: 'closed', message: 'ghost' },
    { type: 'failed', message: 'ghost' },
    { type: 'subscribed', ack: { kind: 'subscribed', symbols: ['A'], complete: false } },
    { type: 'rejected', rejection: { kind: 'rejected', symbols: ['A'], reason: 'ghost' } },
  ];
  for (const round of ['in backoff', 'live again']) {
    const before = machine.state;
    for (const event of events) {
      expect(machine.link(event, ghost), round).toEqual([]);
      expect(machine.state, round).toBe(before);
    }
    if (round === 'in backoff') machine.goLive();
  }
});

test('whatever happens, time goes on: no tick leaves a deadline in the past, and a silent venue is always given up', () => {
  const names = ['A', 'B', 'C'];
  const anyNames = fc.subarray(names);
  const anyEvent: fc.Arbitrary<LinkEvent | { readonly type: 'deferred'; readonly waitMs: number }> = fc.oneof(
    fc.constant({ type: 'opened' as const }),
    fc.constant({ type: 'failed' as const, message: '' }),
    fc.constant({ type: 'closed' as const, message: '' }),
    fc.constantFrom<Sign>('data', 'heartbeat', 'other').map((sign) => ({ type: 'frame' as const, sign })),
    fc.tuple(anyNames, fc.boolean()).map(([symbols, complete]) => ({
      type: 'subscribed' as const,
      ack: { kind: 'subscribed' as const, symbols, complete },
    })),
    anyNames.map((symbols) => ({
      type: 'rejected' as const,
      rejection: { kind: 'rejected' as const, symbols, reason: 'bad' },
    })),
    anyNames.map((unproven) => ({ type: 'reconcile' as const, unproven })),
    fc.constantFrom('online' as const, 'halted' as const).map((state) => ({
      type: 'status' as const,
      status: { kind: 'status' as const, state, message: '' },
    })),
    fc.integer({ min: 1, max: 10_000 }).map((waitMs) => ({ type: 'deferred' as const, waitMs })),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(anyEvent, fc.nat(8_000)), { maxLength: 60 }), (script) => {
      const machine = createMachine(names);
      machine.send({ type: 'start' });
      for (const [event, passMs] of script) {
        if (event.type === 'deferred') machine.send(event);
        else machine.link(event);
        machine.send({ type: 'tick' });
        expect(nextWakeMs(machine.state, SETTINGS) ?? Infinity).toBeGreaterThan(machine.nowMs);
        machine.advance(passMs);
        const { phase, link, subscriptions } = machine.state;
        expect(link !== undefined).toBe(phase === 'subscribing' || phase === 'live' || phase === 'degraded');
        const standing = (['wanted', 'subscribed', 'refused', 'probing'] as const).flatMap((state) =>
          symbolsIn(subscriptions.symbols, state),
        );
        expect(standing.toSorted()).toEqual(names);
      }
      machine.advance(11_000);
      expect(['connecting', 'backoff']).toContain(machine.state.phase);
    }),
    { numRuns: 300 },
  );
});

test('a venue that counts requests by the hour is never asked more often, and everything is asked for in its turn', () => {
  const symbols = Array.from({ length: 2_000 }, (_, index) => `S${index}`);
  const machine = createMachine(symbols, { ...SETTINGS, requestsPerHour: 480 });
  machine.send({ type: 'start' });
  machine.link({ type: 'opened' });
  const askedAt: number[] = [];
  for (let second = 0; second < 3 * 3_600; second += 1) {
    for (const effect of machine.takeEffects()) {
      if (effect.type !== 'subscribe') continue;
      askedAt.push(machine.nowMs);
      machine.ack(effect.request.symbols);
    }
    machine.frame();
    machine.advance(1_000);
    // As if nothing were ever heard of any of them.
    if (second % 60 === 59) machine.link({ type: 'reconcile', unproven: symbols });
  }
  expect(machine.state.phase).toBe('live');
  for (const [index, atMs] of askedAt.entries())
    expect((askedAt[index + 480] ?? Infinity) - atMs).toBeGreaterThan(3_600_000);
  expect(askedAt.length).toBeGreaterThan(3 * 300);
  // All of them at once at first: forty requests are within what may come in a burst.
  expect(askedAt[39]).toBeLessThan(60_000);
});
