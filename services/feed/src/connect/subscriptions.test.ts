import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  acknowledge,
  beginSubscribing,
  createSubscriptions,
  earliestRetryMs,
  expireRequest,
  isSettled,
  nextRequest,
  queueDue,
  reconcile,
  refuse,
  symbolsIn,
  type SubscribeRequest,
  type Subscriptions,
  type SymbolNotice,
} from './subscriptions.ts';

const ACK_MS = 5_000;
const MINUTE_MS = 60_000;

/** A session with a venue: keeps the newest state, what was asked and what was told. */
function createSession(symbols: readonly string[], chunkSize = 50) {
  let state: Subscriptions = createSubscriptions(symbols);
  const asked: SubscribeRequest[] = [];
  const notices: SymbolNotice[] = [];
  const session = {
    nowMs: 0,
    asked,
    notices,
    get state() {
      return state;
    },
    begin: () => session.set(beginSubscribing(state, session.nowMs, chunkSize)),
    ack: (names: readonly string[], complete = false) => {
      const change = acknowledge(state, { kind: 'subscribed', symbols: names, complete });
      notices.push(...change.notices);
      session.set(change.subscriptions);
    },
    /** By a venue that answers requests, not symbols. */
    ackRequest: (requestId: number) => {
      const change = acknowledge(state, { kind: 'subscribed', symbols: [], complete: false, requestId });
      notices.push(...change.notices);
      session.set(change.subscriptions);
    },
    refuse: (names: readonly string[], requestId?: number) => {
      const id = requestId === undefined ? {} : { requestId };
      const change = refuse(state, { kind: 'rejected', symbols: names, reason: 'bad', ...id }, session.nowMs);
      notices.push(...change.notices);
      session.set(change.subscriptions);
    },
    expire: () => {
      const change = expireRequest(state, session.nowMs);
      notices.push(...change.notices);
      session.set(queueDue(change.subscriptions, session.nowMs));
    },
    reconcile: (unproven: readonly string[] = []) => session.set(reconcile(state, unproven, chunkSize)),
    in: (standing: 'wanted' | 'subscribed' | 'refused' | 'probing') => symbolsIn(state.symbols, standing),
    set: (next: Subscriptions) => {
      const opened = nextRequest(next, session.nowMs + ACK_MS);
      state = opened?.subscriptions ?? next;
      if (opened !== undefined) asked.push(opened.request);
    },
  };
  return session;
}

const texts = (session: ReturnType<typeof createSession>): string[] =>
  session.asked.map(({ symbols }) => symbols.join(' '));

test('asks in chunks, one request at a time', () => {
  const session = createSession(['A', 'B', 'C', 'D', 'E'], 2);
  session.begin();
  expect(texts(session)).toEqual(['A B']);
  session.ack(['A']);
  expect(texts(session)).toEqual(['A B']);
  session.ack(['B']);
  session.ack(['C', 'D']);
  expect(isSettled(session.state)).toBe(false);
  session.ack(['E']);
  expect(session.asked).toEqual([
    { id: 1, symbols: ['A', 'B'] },
    { id: 2, symbols: ['C', 'D'] },
    { id: 3, symbols: ['E'] },
  ]);
  expect(isSettled(session.state)).toBe(true);
  expect(session.in('subscribed')).toEqual(['A', 'B', 'C', 'D', 'E']);
});

test('a complete list takes back what it no longer names; reconciliation asks for that again', () => {
  const session = createSession(['A', 'B', 'C'], 2);
  session.begin();
  session.ack(['A', 'B'], true);
  session.ack(['A', 'B', 'C'], true);
  session.ack(['A', 'C'], true);
  expect(session.in('wanted')).toEqual(['B']);
  expect(texts(session)).toEqual(['A B', 'C']);
  session.reconcile();
  expect(texts(session)).toEqual(['A B', 'C', 'B']);
  session.reconcile();
  expect(texts(session)).toHaveLength(3);
});

test('a named symbol is refused, the others of its request go on', () => {
  const session = createSession(['GOOD', 'BAD']);
  session.begin();
  session.refuse(['BAD']);
  session.refuse(['BAD']);
  session.ack(['GOOD'], true);
  expect(isSettled(session.state)).toBe(true);
  expect(session.in('subscribed')).toEqual(['GOOD']);
  expect(session.in('refused')).toEqual(['BAD']);
  expect(session.notices).toEqual([{ kind: 'refused', symbol: 'BAD', reason: 'bad' }]);
});

test('the same, when the answers come the other way round', () => {
  const session = createSession(['GOOD', 'BAD']);
  session.begin();
  session.ack(['GOOD'], true);
  session.refuse(['BAD']);
  expect(isSettled(session.state)).toBe(true);
  expect(session.in('refused')).toEqual(['BAD']);
});

test('what a named culprit spoiled is asked for again within a second', () => {
  const session = createSession(['A', 'BAD', 'C']);
  session.begin();
  session.refuse(['BAD']);
  session.nowMs += 999;
  session.expire();
  expect(session.asked).toHaveLength(1);
  session.nowMs += 1;
  session.expire();
  expect(texts(session)).toEqual(['A BAD C', 'A C']);
  session.ack(['A', 'C']);
  expect(isSettled(session.state)).toBe(true);
});

test('an unnamed culprit is found by halving', () => {
  const symbols = Array.from({ length: 50 }, (_, index) => `S${index}`);
  const session = createSession(symbols);
  session.begin();
  for (let answered = 0; answered < session.asked.length; answered++) {
    const request = session.asked[answered];
    if (request?.symbols.includes('S37') === true) session.refuse([]);
    else session.ack(request?.symbols ?? []);
  }
  expect(session.in('refused')).toEqual(['S37']);
  expect(session.in('subscribed')).toHaveLength(49);
  expect(session.asked.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(50)) + 1);
});

test('any set of unnamed culprits is found, and nobody else', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.infiniteStream(fc.nat(9)), (count, luck) => {
      const symbols = Array.from({ length: count }, (_, index) => `S${index}`);
      const bad = symbols.filter(() => luck.next().value === 0);
      const session = createSession(symbols, 20);
      session.begin();
      for (let answered = 0; answered < session.asked.length; answered++) {
        const asked = session.asked[answered]?.symbols ?? [];
        if (asked.some((symbol) => bad.includes(symbol))) session.refuse([]);
        else session.ack(asked);
      }
      expect(isSettled(session.state)).toBe(true);
      expect(session.in('refused').toSorted()).toEqual(bad.toSorted());
      expect(session.in('subscribed')).toHaveLength(count - bad.length);
    }),
  );
});

test('an ack of the request confirms all that it asked for, and asks on', () => {
  const session = createSession(['A', 'B', 'C'], 2);
  session.begin();
  session.ackRequest(1);
  expect(session.in('subscribed')).toEqual(['A', 'B']);
  expect(texts(session)).toEqual(['A B', 'C']);
  session.ackRequest(2);
  expect(isSettled(session.state)).toBe(true);
  expect(session.in('subscribed')).toEqual(['A', 'B', 'C']);
});

test('an ack of another request, or of none, confirms nothing', () => {
  const session = createSession(['A', 'B'], 1);
  session.begin();
  session.ackRequest(2);
  session.ack([]);
  expect(session.in('subscribed')).toEqual([]);
  // Late: the request has been given up, and the answer is not that of the one that is open.
  session.nowMs += ACK_MS;
  session.expire();
  session.ackRequest(1);
  expect(session.in('subscribed')).toEqual([]);
  session.ackRequest(2);
  expect(session.in('subscribed')).toEqual(['B']);
});

test('an ack of a request from which symbols were refused confirms the others only', () => {
  const session = createSession(['A', 'BAD', 'C']);
  session.begin();
  session.refuse(['BAD'], 1);
  session.ackRequest(1);
  expect(session.in('subscribed')).toEqual(['A', 'C']);
  expect(session.in('refused')).toEqual(['BAD']);
  expect(isSettled(session.state)).toBe(true);
});

test('a refused request of a venue that answers requests is halved until the culprit is found', () => {
  const session = createSession(['A', 'B', 'BAD', 'D', 'E'], 5);
  session.begin();
  for (let answered = 0; answered < session.asked.length; answered++) {
    const { id = 0, symbols = [] } = session.asked[answered] ?? {};
    if (symbols.includes('BAD')) session.refuse([], id);
    else session.ackRequest(id);
  }
  expect(session.in('refused')).toEqual(['BAD']);
  expect(session.in('subscribed')).toEqual(['A', 'B', 'D', 'E']);
  expect(session.notices).toEqual([{ kind: 'refused', symbol: 'BAD', reason: 'bad' }]);
});

test('symbols of a refused request of which one is named are asked for again, not taken as confirmed', () => {
  const session = createSession(['A', 'BAD', 'C']);
  session.begin();
  session.refuse(['BAD'], 1);
  expect(session.in('subscribed')).toEqual([]);
  session.nowMs += 1_000;
  session.expire();
  expect(texts(session)).toEqual(['A BAD C', 'A C']);
  session.ackRequest(2);
  expect(session.in('subscribed')).toEqual(['A', 'C']);
});

test('an unnamed refusal of an earlier request blames nobody', () => {
  const session = createSession(['A']);
  session.begin();
  session.refuse([], 99);
  session.refuse(['UNHEARD-OF'], 99);
  expect(session.in('wanted')).toEqual(['A']);
  session.ack(['A']);
  session.refuse([]);
  expect(session.in('subscribed')).toEqual(['A']);
});

test('quarantine lasts 10 minutes and doubles to a day; it is told once, and its end once', () => {
  const session = createSession(['GOOD', 'BAD']);
  session.begin();
  session.ack(['GOOD']);
  session.refuse(['BAD']);
  const lengths: number[] = [];
  for (let round = 0; round < 10; round++) {
    const lengthMs = earliestRetryMs(session.state) - session.nowMs;
    lengths.push(lengthMs / MINUTE_MS);
    session.nowMs += lengthMs - 1;
    session.expire();
    expect(session.in('refused')).toEqual(['BAD']);
    session.nowMs += 1;
    session.expire();
    // Alone, so that it cannot spoil others.
    expect(session.asked.at(-1)?.symbols).toEqual(['BAD']);
    expect(session.in('probing')).toEqual(['BAD']);
    session.refuse(['BAD']);
  }
  expect(lengths).toEqual([10, 20, 40, 80, 160, 320, 640, 1_280, 1_440, 1_440]);
  expect(session.notices).toHaveLength(1);
  session.nowMs = earliestRetryMs(session.state);
  session.expire();
  session.ack(['BAD']);
  expect(session.notices).toEqual([
    { kind: 'refused', symbol: 'BAD', reason: 'bad' },
    { kind: 'accepted', symbol: 'BAD', reason: 'bad' },
  ]);
  expect(session.in('subscribed')).toEqual(['GOOD', 'BAD']);
});

test('a new connection asks for everything but the quarantined', () => {
  const session = createSession(['A', 'BAD', 'C']);
  session.begin();
  session.ack(['A', 'C'], true);
  session.refuse(['BAD']);
  session.nowMs += MINUTE_MS;
  session.begin();
  expect(session.asked.at(-1)?.symbols).toEqual(['A', 'C']);
  session.ack(['A', 'C'], true);
  // The connection is lost while the symbol is being asked for again.
  session.nowMs = earliestRetryMs(session.state);
  session.expire();
  expect(session.asked.at(-1)?.symbols).toEqual(['BAD']);
  session.begin();
  expect(session.asked.at(-1)?.symbols).toEqual(['A', 'C']);
  session.ack(['A', 'C'], true);
  expect(session.asked.at(-1)?.symbols).toEqual(['BAD']);
});

test('a symbol without an answer is asked for again, and refused after the second silence', () => {
  const session = createSession(['A', 'MUTE']);
  session.begin();
  session.ack(['A']);
  session.nowMs += ACK_MS;
  session.expire();
  expect(session.in('wanted')).toEqual(['MUTE']);
  session.reconcile();
  expect(session.asked.at(-1)?.symbols).toEqual(['MUTE']);
  session.nowMs += ACK_MS;
  session.expire();
  expect(session.notices).toEqual([{ kind: 'refused', symbol: 'MUTE', reason: 'no answer to the subscription' }]);
});

test('a subscribed symbol without signs of life is asked for again', () => {
  const session = createSession(['A', 'B']);
  session.begin();
  session.ack(['A', 'B']);
  session.reconcile(['B', 'UNHEARD-OF']);
  expect(session.asked.at(-1)?.symbols).toEqual(['B']);
});

test('an answer costs the same however many symbols are wanted: none looks at all of them', () => {
  const session = createSession(Array.from({ length: 4_000 }, (_, index) => `S${index}`));
  session.begin();
  let walks = 0;
  const { symbols } = session.state;
  const walk = symbols.entries.bind(symbols);
  symbols.entries = () => {
    walks += 1;
    return walk();
  };
  symbols[Symbol.iterator] = symbols.entries;
  for (let answered = 0; answered < session.asked.length; answered++) {
    for (const symbol of session.asked[answered]?.symbols ?? []) {
      if (answered % 2 === 0) session.ack([symbol]);
      else session.refuse([symbol]);
    }
  }
  expect(walks).toBe(0);
  expect(session.state.symbols).toBe(symbols);
  expect([session.in('subscribed').length, session.in('refused').length]).toEqual([2_000, 2_000]);
  expect(session.state.noRetryBeforeMs).toBe(earliestRetryMs(session.state));
});
