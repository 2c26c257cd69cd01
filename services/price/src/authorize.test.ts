import { expect, test } from 'vitest';
import { bearerText, createBearerReader } from './authorize.ts';

test.each([
  ['Bearer weir_live_x', 'weir_live_x'],
  ['bearer weir_live_x', 'weir_live_x'],
  ['BEARER   weir_live_x ', 'weir_live_x'],
  ['Bearer something', 'something'],
  ['Basic weir_live_x', undefined],
  ['weir_live_x', undefined],
  ['Bearerweir_live_x', undefined],
  ['', undefined],
  [undefined, undefined],
])('reads %j as %j', (header, text) => {
  expect(bearerText(header)).toBe(text);
});

test('a reader that remembers headers never answers the text of another one', () => {
  const read = createBearerReader();
  // They end alike, so they share a place.
  const headers = ['Bearer weir_live_1zz', 'Bearer weir_live_2zz', 'bearer  weir_live_1zz', 'Basic 1zz', 'zz', ''];
  for (const header of [...headers, ...headers, ...headers.toReversed(), undefined])
    expect(read(header)).toBe(bearerText(header));
});
