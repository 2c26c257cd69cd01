import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFrameTurns } from './frame-turns.ts';

function createLoop() {
  let nowMs = 0;
  const later: (() => void)[] = [];
  const soon: (() => void)[] = [];
  const turns = createFrameTurns(
    { monotonicMs: () => nowMs },
    { later: (callback) => void later.push(callback), soon: (callback) => void soon.push(callback) },
  );
  const said: string[] = [];
  /** What `resume` has read already. */
  const reader = (name: string, onResume = (): void => undefined) => ({
    pause: () => void said.push(`${name} pauses`),
    resume: () => {
      said.push(`${name} resumes`);
      onResume();
    },
  });
  const take = (name: string, ms: number): void =>
    turns.take((waitedMs) => {
      said.push(waitedMs === 0 ? name : `${name} after ${waitedMs}`);
      nowMs += ms;
    });
  const turn = (idleMs = 0): void => {
    nowMs += idleMs;
    for (const callback of later.splice(0)) callback();
    for (let callback = soon.shift(); callback !== undefined; callback = soon.shift()) callback();
  };
  const heard = (): string[] => said.splice(0);
  return { turns, reader, take, turn, heard, isAtRest: () => later.length === 0 };
}

test('frames that take long together are not read on before the next turn, and what was read waits, whoever sent it', () => {
  const { turns, reader, take, turn, heard, isAtRest } = createLoop();
  turns.join(reader('a'));
  turns.join(reader('b'));
  take('1', 2);
  take('2', 2);
  take('3', 3);
  expect(heard()).toEqual(['1', '2', 'a pauses', 'b pauses']);
  turn(10);
  expect(heard()).toEqual(['3 after 10', 'a resumes', 'b resumes']);
  turn();
  turn();
  expect([heard(), isAtRest()]).toEqual([[], true]);
});

test('what one has read already may be enough for a turn; then the others have their turn first', () => {
  const { turns, reader, take, turn, heard } = createLoop();
  turns.join(reader('a', () => take('of a', 4)));
  turns.join(reader('b', () => take('of b', 1)));
  take('1', 4);
  heard();
  turn();
  expect(heard()).toEqual(['a resumes', 'of a', 'a pauses']);
  turn();
  expect(heard()).toEqual(['b resumes', 'of b', 'a resumes', 'of a', 'b pauses', 'a pauses']);
});

test('turns of few frames cost nobody anything', () => {
  const { turns, reader, take, turn, heard } = createLoop();
  turns.join(reader('a'));
  for (let count = 0; count < 10; count += 1) {
    take('1', 3);
    turn();
  }
  expect(heard()).toEqual(Array.from({ length: 10 }, () => '1'));
});

test('a socket that opens meanwhile waits with the others, and one that is gone is left alone', () => {
  const { turns, reader, take, turn, heard } = createLoop();
  const gone = reader('gone');
  turns.join(gone);
  take('1', 4);
  turns.join(reader('new'));
  turns.leave(gone);
  turn();
  expect(heard()).toEqual(['1', 'gone pauses', 'new pauses', 'new resumes']);
});

test('property: everything is done once, in order, in turns that end with the first frame beyond their time', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 60 }), (lengths) => {
      const { take, turn, heard, isAtRest } = createLoop();
      for (const [index, ms] of lengths.entries()) take(`${index}:${ms}`, ms);
      const done: number[] = [];
      for (let turns = 0; turns <= lengths.length + 1; turns += 1) {
        const frames = heard().map((text) => text.split(' ')[0]?.split(':').map(Number) ?? []);
        done.push(...frames.map(([index = -1]) => index));
        const beforeLastMs = frames.slice(0, -1).reduce((sum, [, ms = 0]) => sum + ms, 0);
        expect(beforeLastMs).toBeLessThan(4);
        turn();
      }
      expect(done).toEqual([...lengths.keys()]);
      expect(isAtRest()).toBe(true);
    }),
  );
});
