import { expect, test } from 'vitest';

import { waitFor } from './wait-for.ts';

test('answers the first truthy value, however often it was falsy or threw before', async () => {
  const answers = [
    () => undefined,
    () => 0,
    () => Promise.resolve(''),
    () => Promise.reject(new Error('early')),
    () => 7,
  ];
  expect(await waitFor<unknown>(() => answers.shift()?.())).toBe(7);
});

test('gives up after the time-out, naming the condition and the last fault', async () => {
  const waiting = waitFor(() => {
    throw new Error('not yet');
  }, 20);
  await expect(waiting).rejects.toThrow(/not true within 20 ms: .*not yet/s);
  await expect(waiting).rejects.toMatchObject({ cause: { message: 'not yet' } });
});
