import type { FeedDocument } from '@weir/wire';
import { expect, test } from 'vitest';
import { documentWith } from '../test/sample-document.ts';
import { recordTtlMs } from './write-record.ts';

test('records outlive the pause between two prewarm fetches, and ten minutes at least', () => {
  const prewarmed = (intervalMs: number): FeedDocument =>
    documentWith({ sources: [{ name: 'kraken', exchange: 'kraken', prewarm: { intervalMs } }] });
  expect(recordTtlMs(documentWith())).toBe(600_000);
  expect(recordTtlMs(prewarmed(30_000))).toBe(600_000);
  expect(recordTtlMs(prewarmed(700_000))).toBe(760_000);
});
