import { expect, test } from 'vitest';
import { createFrameTurns } from './frame-turns.ts';

function createLoop() {
  let nowMs = 0;
  const next: (() => void)[] = [];
  const turns = createFrameTurns({ monotonicMs: () => nowMs }, (callback) => void next.push(callback));
  const states: string[] = [];
  const reader = (name: string) => ({
    pause: () => void states.push(`${name} pauses`),
    resume: () => void states.push(`${name} resumes`),
  });
  const take = (ms: number): void => turns.take(() => void (nowMs += ms));
  const turn = (): void => {
    for (const callback of next.splice(0)) callback();
  };
  return { turns, states, reader, take, turn };
}

test('frames that take long together are not read on before the next turn, whichever socket they come from', () => {
  const { turns, states, reader, take, turn } = createLoop();
  turns.join(reader('a'));
  turns.join(reader('b'));
  take(2);
  take(1);
  expect(states).toEqual([]);
  take(1);
  take(5);
  expect(states).toEqual(['a pauses', 'b pauses']);
  turn();
  expect(states).toEqual(['a pauses', 'b pauses', 'a resumes', 'b resumes']);
});

test('a turn of few frames costs the next one nothing', () => {
  const { turns, states, reader, take, turn } = createLoop();
  turns.join(reader('a'));
  for (let count = 0; count < 10; count += 1) {
    take(3);
    turn();
  }
  expect(states).toEqual([]);
});

test('a socket that opens meanwhile waits with the others, and one that is gone is left alone', () => {
  const { turns, states, reader, take, turn } = createLoop();
  const gone = reader('gone');
  turns.join(gone);
  take(4);
  turns.join(reader('new'));
  turns.leave(gone);
  turn();
  expect(states).toEqual(['gone pauses', 'new pauses', 'new resumes']);
});

test('a frame that makes trouble is counted too', () => {
  const { turns, states, reader, take } = createLoop();
  turns.join(reader('a'));
  const fail = (): void => {
    take(4);
    throw new Error('broken frame');
  };
  expect(() => turns.take(fail)).toThrow('broken frame');
  expect(states).toEqual(['a pauses']);
});
