import { expect, test } from 'vitest';
import { valueOfFetched } from './fetched-value.ts';

test.each([
  [{ price: '100.50' }, '100.5'],
  [{ price: '100', bid: '100.2', ask: '100.4' }, '100.2'],
  [{ price: '101', bid: '100.2', ask: '100.4' }, '100.4'],
  [{ price: '100.3', bid: '100.2', ask: '100.4' }, '100.3'],
  [{ price: '100', bid: '110', ask: '130' }, '100'],
  [{ price: '100', bid: '101', ask: '99' }, '100'],
  [{ price: '100', bid: '101' }, '100'],
  [{ price: '0' }, undefined],
  [{ price: '1e3' }, undefined],
])('%j is worth %s', (fetched, value) => {
  expect(valueOfFetched(fetched)).toBe(value);
});
