import { expect, test } from 'vitest';
import { bearerText } from './authorize.ts';

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
