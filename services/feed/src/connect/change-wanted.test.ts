import { expect, test } from 'vitest';
import { changeWanted } from './change-wanted.ts';
import { createConnectorState } from './machine-state.ts';
import { createRelayState, reduceRelay, type RelayEvent, type RelayState } from './relay.ts';

const TIMING = { pingAfterMs: 5_000, deadAfterMs: 10_000, ackMs: 5_000, firstDataMs: 10_000 };
const SETTINGS = { timing: TIMING, symbolsPerFrame: 2 };

/** The connection of a venue that confirms everything. */
function connected(symbols: readonly string[]) {
  let state: RelayState = createRelayState(symbols);
  let nowMs = 0;
  const asked: string[][] = [];
  const send = (event: RelayEvent): void => {
    const step = reduceRelay(state, event, { monotonicMs: nowMs, wallMs: nowMs, chance: 0.5 }, SETTINGS);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.type === 'connect') send({ type: 'opened', connection: effect.connection });
      if (effect.type !== 'subscribe') continue;
      asked.push([...effect.request.symbols]);
      const ack = { kind: 'subscribed', symbols: effect.request.symbols, complete: false } as const;
      send({ type: 'subscribed', ack, connection: effect.connection });
    }
  };
  send({ type: 'start' });
  return { send, asked, state: () => state, pass: (ms: number) => void (nowMs += ms) };
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

test('the silence of a request does not bring back what is not wanted', () => {
  const base = createConnectorState(['A', 'B']);
  const open = { id: 1, pending: ['A', 'B'], deadlineMs: 1, isSpoiled: false };
  const asked = { ...base, subscriptions: { ...base.subscriptions, open } };
  const next = changeWanted(asked, new Set(['B']), { nowMs: 0, symbolsPerFrame: 2 });
  expect(next.subscriptions.open?.pending).toEqual(['B']);
  const none = changeWanted(next, new Set(['C']), { nowMs: 0, symbolsPerFrame: 2 });
  expect(none.subscriptions.open).toBeUndefined();
});
