import { expect, it } from 'vitest';
import { sendChunks } from './send-chunks.ts';

it('begins a chunk each turn, whether or not those before are answered, and gives back what each did', async () => {
  const answers: ((failed: readonly number[]) => void)[] = [];
  const begun: (readonly number[])[] = [];
  const turns: (() => void)[] = [];
  const done = sendChunks(
    [1, 2, 3, 4, 5],
    2,
    (chunk) => {
      begun.push(chunk);
      return new Promise((resolve) => answers.push(resolve));
    },
    (callback) => turns.push(callback),
  );
  expect(begun).toEqual([[1, 2]]);
  turns[0]?.();
  await Promise.resolve();
  expect(begun).toEqual([
    [1, 2],
    [3, 4],
  ]);
  turns[1]?.();
  await Promise.resolve();
  expect(begun).toEqual([[1, 2], [3, 4], [5]]);
  for (const [index, failed] of [[], [4], [5]].entries()) answers[index]?.(failed);
  expect(await done).toEqual([4, 5]);
});

it('fails when a chunk does, and sends nothing of nothing', async () => {
  await expect(
    sendChunks([1, 2], 1, ([item]) => (item === 1 ? Promise.reject(new Error('no')) : Promise.resolve([]))),
  ).rejects.toThrow('no');
  expect(await sendChunks([], 1, () => Promise.reject(new Error('asked')))).toEqual([]);
});
