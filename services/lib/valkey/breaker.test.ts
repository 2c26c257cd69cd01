import { createFakeClock, type FakeClock } from '@weir/testing';
import { beforeEach, expect, test } from 'vitest';

import { createBreaker, type Breaker } from './breaker.ts';

let clock: FakeClock;
let breaker: Breaker;
/** Instants at which probes went out. */
let probes: number[];
let answer: (hasAnswered: boolean) => void;
let events: string[];

beforeEach(() => {
  clock = createFakeClock();
  probes = [];
  events = [];
  breaker = createBreaker({
    clock,
    probe() {
      probes.push(clock.monotonicMs());
      const { promise, resolve } = Promise.withResolvers<boolean>();
      answer = resolve;
      return promise;
    },
    onTrip: () => events.push('trip'),
    onRecover: () => events.push('recover'),
  });
});

/** As the client does it: a probe that stays without an answer fails after its deadline. */
async function failProbeAfter(ms: number): Promise<void> {
  await clock.advance(ms);
  answer(false);
  await clock.advance(0);
}

test('is open until there is a connection', () => {
  expect(breaker.health).toBe('open');
  breaker.connected();
  expect(breaker.health).toBe('closed');
  breaker.disconnected();
  expect(breaker.health).toBe('open');
  expect([probes, events]).toEqual([[], []]);
});

test('the first time-out opens it and sends a probe at once; an answer in time closes it', async () => {
  breaker.connected();
  breaker.timedOut();
  breaker.timedOut();
  expect([breaker.health, probes]).toEqual(['half-open', [0]]);
  answer(true);
  await clock.advance(1_000);
  expect([breaker.health, probes, events]).toEqual(['closed', [0], ['trip', 'recover']]);
});

test('while probes fail there is one every 250 ms, and open in between', async () => {
  breaker.connected();
  breaker.timedOut();
  for (const probed of [[0], [0, 250], [0, 250, 500]]) {
    expect(probes).toEqual(probed);
    await failProbeAfter(50);
    expect(breaker.health).toBe('open');
    await clock.advance(200);
    expect(breaker.health).toBe('half-open');
  }
});

test('a probe with a longer deadline than the period is followed by the next when it fails', async () => {
  breaker.connected();
  breaker.timedOut();
  await failProbeAfter(1_000);
  expect(probes).toEqual([0, 1_000]);
});

test('four replies that say "not now" leave it closed, as do five with a good one among them', () => {
  breaker.connected();
  for (let replies = 0; replies < 4; replies += 1) breaker.failed();
  breaker.succeeded();
  breaker.failed();
  expect(breaker.health).toBe('closed');
  for (let replies = 0; replies < 4; replies += 1) breaker.failed();
  expect(breaker.health).toBe('half-open');
});

test('a probe of the connection before says nothing about the new one', async () => {
  breaker.connected();
  breaker.timedOut();
  breaker.disconnected();
  breaker.connected();
  answer(false);
  await clock.advance(1_000);
  expect([breaker.health, probes, clock.pendingTimers]).toEqual(['closed', [0], 0]);
});

test('nothing is probed once the connection is gone', async () => {
  breaker.connected();
  breaker.timedOut();
  await failProbeAfter(50);
  breaker.disconnected();
  await clock.advance(1_000);
  expect([probes, clock.pendingTimers]).toEqual([[0], 0]);
});
