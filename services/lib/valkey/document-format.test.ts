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
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 10_000 }), (unit, times) => {
      const json = unit.repeat(times);
      const pieces = splitDocument(json);
      // A lone surrogate has no bytes of its own in UTF-8 and cannot pass through Valkey: JSON writes it escaped.
      if (json.isWellFormed()) expect(pieces.join('')).toBe(json);
      const bytes = Buffer.byteLength(json);
      expect(pieces.every((piece) => Buffer.byteLength(piece) <= DOCUMENT_BYTES_MAX)).toBe(true);
      expect(pieces.length).toBeLessThanOrEqual(Math.ceil(bytes / (DOCUMENT_BYTES_MAX - 3)));
    }),
    { numRuns: 10 },
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
