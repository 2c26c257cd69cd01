import { expect, test } from 'vitest';
import {
  createFetchState,
  decideFetch,
  noteFetched,
  noteLiveness,
  type FetchSettings,
  type FetchState,
  type Liveness,
} from './decide-fetch.ts';

const FALLBACK: FetchSettings = { isFallbackEnabled: true, batchIntervalMs: 2_000 };
const BOTH: FetchSettings = { ...FALLBACK, prewarmIntervalMs: 30_000 };

/** Lives through the instants; each fetch is answered at once unless said otherwise. */
function run(
  settings: FetchSettings,
  untilMs: number,
  script: Readonly<Record<number, Liveness>> = {},
  answer: { readonly isOk: boolean; readonly retryAfterMs?: number } = { isOk: true },
) {
  const fetches: string[] = [];
  let state: FetchState = createFetchState(0);
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 500) {
    const liveness = script[nowMs];
    if (liveness !== undefined) state = noteLiveness(state, liveness, nowMs);
    const decision = decideFetch(state, settings, nowMs);
    state = decision.state;
    if (decision.fetch === undefined) continue;
    fetches.push(`${decision.fetch}@${nowMs}`);
    state = noteFetched(state, { via: decision.fetch, startedMs: nowMs, ...answer }, settings, nowMs);
  }
  return { fetches, state };
}

test('REST takes the place of a socket that is not live for 5 s, and keeps its pace', () => {
  expect(run(FALLBACK, 10_000).fetches).toEqual(['rest@5000', 'rest@7000', 'rest@9000']);
});

test('and gives it back after 10 s live, not before', () => {
  const { fetches, state } = run(FALLBACK, 30_000, { 6_000: 'live', 10_000: 'down', 12_000: 'live' });
  expect(fetches[0]).toBe('rest@5000');
  expect(fetches.at(-1)).toBe('rest@21000');
  expect(state.isStandingIn).toBe(false);
});

test('a connection that flaps within 5 s is left alone', () => {
  const script: Record<number, Liveness> = {};
  for (let nowMs = 0; nowMs < 60_000; nowMs += 4_000) {
    script[nowMs] = 'live';
    script[nowMs + 500] = 'down';
  }
  expect(run(FALLBACK, 60_000, script).fetches).toEqual([]);
});

test('it does so only where it may', () => {
  expect(run({ ...FALLBACK, isFallbackEnabled: false }, 60_000).fetches).toEqual([]);
});

test('switched off while it stands in, it ends at once', () => {
  const { state } = run(FALLBACK, 8_000);
  expect(state.isStandingIn).toBe(true);
  const off = decideFetch(state, { ...FALLBACK, isFallbackEnabled: false }, 20_000);
  expect(off).toMatchObject({ fetch: undefined, state: { isStandingIn: false } });
});

test('a halted venue is not asked: its last price would only look young', () => {
  expect(run(BOTH, 90_000, { 0: 'halted' }).fetches).toEqual([]);
  expect(run(FALLBACK, 30_000, { 6_000: 'halted' }).fetches).toEqual(['rest@5000']);
});

test('prewarm comes first and then at its interval, socket or not', () => {
  expect(run(BOTH, 61_000, { 1_000: 'live' }).fetches).toEqual(['prewarm@0', 'prewarm@30000', 'prewarm@60000']);
});

test('what brought nothing is asked for again sooner, as soon as a refusal says', () => {
  const never = { 0: 'live' } as const;
  expect(run(BOTH, 11_000, never, { isOk: false }).fetches).toEqual(['prewarm@0', 'prewarm@5000', 'prewarm@10000']);
  const told = run(BOTH, 20_000, never, { isOk: false, retryAfterMs: 9_000 });
  expect(told.fetches).toEqual(['prewarm@0', 'prewarm@9000', 'prewarm@18000']);
  const soon = run(BOTH, 1_500, never, { isOk: false, retryAfterMs: 600 });
  expect(soon.fetches).toEqual(['prewarm@0', 'prewarm@1000']);
});

test('a batch in the place of the socket is a prewarm too', () => {
  const { fetches } = run({ ...BOTH, prewarmIntervalMs: 4_000 }, 12_000);
  expect(fetches).toEqual(['prewarm@0', 'prewarm@4000', 'rest@6000', 'rest@8000', 'rest@10000', 'rest@12000']);
});

test('one fetch at a time, however long it takes', () => {
  const { state } = decideFetch(createFetchState(0), BOTH, 0);
  const later = decideFetch(state, BOTH, 60_000);
  expect(later).toMatchObject({ fetch: undefined, state: { isStandingIn: true, isFetching: true } });
  const answered = noteFetched(later.state, { via: 'prewarm', startedMs: 0, isOk: true }, BOTH, 60_000);
  expect(decideFetch(answered, BOTH, 60_000).fetch).toBe('rest');
});

test('it says when to look again', () => {
  expect(decideFetch(createFetchState(0), FALLBACK, 0).wakeAtMs).toBe(5_000);
  expect(decideFetch(noteLiveness(createFetchState(0), 'live', 0), FALLBACK, 0).wakeAtMs).toBe(Infinity);
  const { state } = run(FALLBACK, 5_000);
  expect(decideFetch(state, FALLBACK, 5_500).wakeAtMs).toBe(7_000);
});

test('while a socket is doubted REST is asked at the pace of the fallback beside it, and not where that is switched off', () => {
  const live = { 0: 'live' } as const;
  expect(run({ ...BOTH, isDoubted: true }, 6_000, live).fetches).toEqual([
    'rest@0',
    'rest@2000',
    'rest@4000',
    'rest@6000',
  ]);
  expect(run({ ...BOTH, isDoubted: true, isFallbackEnabled: false }, 31_000, live).fetches).toEqual([
    'prewarm@0',
    'prewarm@30000',
  ]);
  expect(run({ ...BOTH, isDoubted: true }, 6_000, { 0: 'halted' }).fetches).toEqual([]);
  expect(run({ ...BOTH, isDoubted: true }, 6_000, live).state.isStandingIn).toBe(false);
});
