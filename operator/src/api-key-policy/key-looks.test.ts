import { createFakeClock } from '@weir/testing';
import { expect, test } from 'vitest';
import { KeyLooks } from './key-looks.ts';
import type { KeyOutcome, KeyReport, KeyState } from './key-report.ts';
import { nextLookAtMs } from './next-look.ts';

const keyIn = (state: KeyState, changes: Partial<KeyOutcome> = {}): KeyOutcome => ({
  name: 'acme',
  secretName: 'acme-key',
  state,
  isNeverRotated: false,
  ...changes,
});
const report = (...keys: readonly KeyOutcome[]): KeyReport => ({ keys, withdrawn: [] });
const active = keyIn({ kind: 'active' });

test.each<[string, KeyReport, number, number | undefined]>([
  ['no keys', report(), 0, undefined],
  ['a key', report(active), 1, 20_000],
  ['a key of so many that all are read once in 20 s', report(active), 800, 20_000],
  ['a key of so many that drift is found within 30 s', report(active), 1_200, 30_000],
  ['a key of more, 40 of which are read each second', report(active), 4_000, 100_000],
  ['something that is due before that', report(keyIn({ kind: 'active' }, { dueAtMs: 7 })), 1, 7],
  ['a Secret that is about to go', report(keyIn({ kind: 'pending' })), 1, 3_000],
  ['a Secret that cannot be read', report(keyIn({ kind: 'unreachable', problem: '' })), 1, 3_000],
  ['Postgres away', { ...report(), postgresFault: new Error('away') }, 0, 3_000],
  ['Valkey away', { ...report(), cacheFault: new Error('away') }, 0, 3_000],
  ['Postgres away and many keys', { ...report(active), postgresFault: new Error('away') }, 1_200, 30_000],
])('with %s the next look is in time', (_name, given, keyCount, atMs) => {
  expect(nextLookAtMs(given, keyCount, 0)).toBe(atMs);
});

test('keys are looked at when a look is due, when what it depends on has changed, and not otherwise', async () => {
  const clock = createFakeClock();
  const looks = new KeyLooks(clock);
  let settled = 0;
  const look = (tag: string): Promise<unknown> =>
    looks.look('weir/pro', tag, 1, () => {
      settled += 1;
      return Promise.resolve(report(active));
    });
  await look('a');
  await look('a');
  expect(settled).toBe(1);
  await look('b');
  expect(settled).toBe(2);
  await clock.advance(19_999);
  await look('b');
  expect(settled).toBe(2);
  await clock.advance(1);
  await look('b');
  expect(settled).toBe(3);
  looks.forget('weir/pro');
  await look('b');
  expect(settled).toBe(4);
  clock.jumpWall(-3_600_000);
  await look('b');
  expect(settled).toBe(5);
});

test('a policy without keys is looked at by the resync, though not by every change', async () => {
  const clock = createFakeClock();
  const looks = new KeyLooks(clock);
  let settled = 0;
  const look = (): Promise<unknown> =>
    looks.look('weir/pro', '', 0, () => Promise.resolve(report(...[active].slice(settled++, 0))));
  await look();
  await clock.advance(299_999);
  await look();
  expect(settled).toBe(1);
  await clock.advance(1);
  await look();
  expect(settled).toBe(2);
});

test('what happened is told once, and a look that failed is repeated', async () => {
  const looks = new KeyLooks(createFakeClock());
  const happened: KeyReport = { keys: [keyIn({ kind: 'active' }, { happening: 'issued' })], withdrawn: ['beta'] };
  const look = (settle: () => Promise<KeyReport>) => looks.look('weir/pro', '', 1, settle);
  await expect(look(() => Promise.reject(new Error('fenced')))).rejects.toThrow('fenced');
  expect((await look(() => Promise.resolve(happened))).report).toEqual(happened);
  const { report: again } = await look(() => Promise.reject(new Error('not asked')));
  expect(again).toEqual({ keys: [active], withdrawn: [] });
});
