import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  countParts,
  decodeDocumentUpdate,
  DOCUMENT_BYTES_MAX,
  isDocumentField,
  splitDocument,
} from './document-format.ts';

test('pieces are of at most 64 KB, as few as can be, and make up the text', () => {
  // Characters of one to four bytes, so that cuts would fall between the bytes of one.
  const unit = fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀'), minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(unit, fc.integer({ min: 1, max: 20_000 }), (text, times) => {
      const json = text.repeat(times);
      const pieces = splitDocument(json);
      const sizes = pieces.map((piece) => Buffer.byteLength(piece));
      const isWhole = pieces.join('') === json;
      const fewest = Math.ceil(Buffer.byteLength(json) / (DOCUMENT_BYTES_MAX - 3));
      return isWhole && pieces.length <= fewest && sizes.every((size) => size <= DOCUMENT_BYTES_MAX);
    }),
  );
});

test.each([
  ['{"feed":1}', 0],
  ['#3', 3],
  ['#0', 0],
  ['#x', 0],
  ['', 0],
])('%s stands for %i parts', (text, parts) => {
  expect(countParts(text)).toBe(parts);
});

test('parts and the number are no documents', () => {
  expect(['weir/a', 'weir/a#1', '#seq'].filter(isDocumentField)).toEqual(['weir/a']);
});

test.each([
  '',
  'x',
  'null',
  '7',
  '{}',
  '{"seq":1}',
  '{"seq":1,"previous":0,"fields":{}}',
  '{"seq":1,"previous":0,"fields":[1]}',
])('%s is no update', (text) => {
  expect(decodeDocumentUpdate(text)).toBeUndefined();
});
