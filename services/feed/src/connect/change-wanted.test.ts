import { expect, test } from 'vitest';
import { changeWanted } from './change-wanted.ts';
import { openLink } from './link.ts';
import { createConnectorState } from './machine-state.ts';
import { createRelayState, reduceRelay, type RelayEvent, type RelayState } from './relay.ts';

const TIMING = { pingAfterMs: 5_000, deadAfterMs: 10_000, ackMs: 5_000, firstDataMs: 10_000 };
const SETTINGS = { timing: TIMING, symbolsPerFrame: 2 };

/** The connection of a venue that confirms everything. */
function connected(symbols: readonly string[]) {
  let state: RelayState = createRelayState(symbols);
  let nowMs = 0;
  const asked: string[][] = [];
  const ended: string[] = [];
  const send = (event: RelayEvent): void => {
    const step = reduceRelay(state, event, { monotonicMs: nowMs, wallMs: nowMs, chance: 0.5 }, SETTINGS);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.type === 'connect') send({ type: 'opened', connection: effect.connection });
      if (effect.type === 'unsubscribe') ended.push(`${effect.connection}: ${effect.symbols.join(' ')}`);
      if (effect.type !== 'subscribe') continue;
      asked.push([...effect.request.symbols]);
      const ack = { kind: 'subscribed', symbols: effect.request.symbols, complete: false } as const;
      send({ type: 'subscribed', ack, connection: effect.connection });
    }
  };
  send({ type: 'start' });
  return { send, asked, ended, state: () => state, pass: (ms: number) => void (nowMs += ms) };
}

test('what is new is asked for by the connection that there is, what stays is not', () => {
  const { send, asked, state } = connected(['A', 'B']);
  const { connection } = state().main;
  expect(state().main.phase).toBe('live');
  send({ type: 'follow', symbols: ['B', 'C', 'D', 'E'] });
  expect(asked).toEqual([['A', 'B'], ['C', 'D'], ['E']]);
  expect(state().main).toMatchObject({ phase: 'live', connection });
  expect(
    [...state().main.subscriptions.symbols].map(([symbol, { state: standing }]) => `${symbol} ${standing}`),
  ).toEqual(['B subscribed', 'C subscribed', 'D subscribed', 'E subscribed']);
});

test('what is wanted no longer is told the venue, by every connection that there is', () => {
  const { send, ended, state } = connected(['A', 'B', 'C']);
  const { connection } = state().main;
  send({ type: 'follow', symbols: ['A', 'D'] });
  expect(ended).toEqual([`${connection}: B C`]);
  send({ type: 'drain', reason: 'upgrade', connection });
  const second = state().second?.machine.connection;
  expect(second).toBeDefined();
  send({ type: 'follow', symbols: ['D'] });
  expect(ended.slice(1)).toEqual([`${connection}: A`, `${second}: A`]);
  // Nothing of it comes back, whatever is still on its way.
  const late = { kind: 'subscribed', symbols: ['A', 'D'], complete: true } as const;
  send({ type: 'subscribed', ack: late, connection });
  expect([...state().main.subscriptions.symbols.keys()]).toEqual(['D']);
});

test('a venue is not told of what it refused, nor of anything while there is no connection', () => {
  const { send, ended, state } = connected(['A', 'B']);
  const { connection } = state().main;
  const rejection = { kind: 'rejected', symbols: ['A'], reason: 'unknown' } as const;
  send({ type: 'rejected', rejection, connection });
  send({ type: 'follow', symbols: ['B'] });
  send({ type: 'closed', message: 'gone', connection });
  send({ type: 'follow', symbols: ['C'] });
  expect(ended).toEqual([]);
});

test('a connection of which nothing is wanted ends, and the first wish opens one', () => {
  const { send, state } = connected(['A']);
  send({ type: 'follow', symbols: [] });
  expect(state().main).toMatchObject({ phase: 'backoff', untilMs: Infinity });
  send({ type: 'follow', symbols: ['B'] });
  expect(state().main.phase).toBe('live');
});

test('an outage keeps its pace, whatever is wanted', () => {
  const { send, state } = connected(['A']);
  const { connection } = state().main;
  send({ type: 'closed', message: 'gone', connection });
  const { untilMs } = state().main;
  expect(state().main.phase).toBe('backoff');
  send({ type: 'follow', symbols: ['B'] });
  expect(state().main.untilMs).toBe(untilMs);
});

test('the silence of a request does not bring back what is not wanted, and the request is taken back', () => {
  const base = { ...createConnectorState(['A', 'B']), link: openLink(SETTINGS, 0) };
  const open = { id: 1, pending: ['A', 'B'], deadlineMs: 1, isSpoiled: false };
  const asked = { ...base, subscriptions: { ...base.subscriptions, open } };
  const { state: next, effects } = changeWanted(asked, new Set(['B']), { nowMs: 0, symbolsPerFrame: 2 });
  expect(effects).toEqual([{ type: 'unsubscribe', symbols: ['A'], requestId: 1 }]);
  expect(next.subscriptions.open?.pending).toEqual(['B']);
  const { state: none } = changeWanted(next, new Set(['C']), { nowMs: 0, symbolsPerFrame: 2 });
  expect(none.subscriptions.open).toBeUndefined();
});
