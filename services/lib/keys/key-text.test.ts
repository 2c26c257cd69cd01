import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkKeyText, createKeyText, hashKeyText } from './key-text.ts';

const KNOWN = 'weir_live_000000000000000000000030KECm';

test('spells mode, 22 random characters and a padded checksum', () => {
  const text = createKeyText('live', (size) => new Uint8Array(size));
  expect(text).toMatch(/^weir_live_0{22}[0-9A-Za-z]{6}$/);
  expect(text).toBe(KNOWN);
  expect(createKeyText('test')).toMatch(/^weir_test_[0-9A-Za-z]{28}$/);
});

test('accepts what it creates and refuses every single changed character', () => {
  for (const mode of ['live', 'test'] as const) {
    const text = createKeyText(mode);
    expect(checkKeyText(text)).toBe(true);
    for (let at = 0; at < text.length; at += 1) {
      const other = text.charAt(at) === 'x' ? 'y' : 'x';
      expect(checkKeyText(text.slice(0, at) + other + text.slice(at + 1))).toBe(false);
    }
  }
});

test('refuses two neighbours swapped, the mistake of hands', () => {
  const text = createKeyText('live');
  for (let at = 10; at < text.length - 1; at += 1) {
    const [a, b] = [text.charAt(at), text.charAt(at + 1)];
    if (a === b) continue;
    expect(checkKeyText(text.slice(0, at) + b + a + text.slice(at + 2))).toBe(false);
  }
});

test('refuses any other text and never throws', () => {
  for (const text of ['', 'weir_live_', `${KNOWN} `, ` ${KNOWN}`, `${KNOWN}\n`, KNOWN.toUpperCase(), 'weir_prod_x']) {
    expect(checkKeyText(text)).toBe(false);
  }
  fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => !checkKeyText(text)));
});

test('draws every character equally often: bytes that would favour some are drawn again', () => {
  let draws = 0;
  const text = createKeyText('live', (size) => {
    draws += 1;
    return new Uint8Array(size).fill(draws === 1 ? 255 : 61);
  });
  expect(draws).toBe(2);
  expect(text.slice(10, 32)).toBe('z'.repeat(22));
});

test('never draws the same text twice', () => {
  const texts = new Set(Array.from({ length: 1_000 }, () => createKeyText('live')));
  expect(texts.size).toBe(1_000);
});

test('hashes to lower-case hex SHA-256', () => {
  expect(hashKeyText('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
