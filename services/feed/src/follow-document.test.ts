import { expect, test } from 'vitest';
import { documentWith } from '../test/sample-document.ts';
import { readFeedDocument } from './follow-document.ts';

test('reads what the compiler writes, and lets through what only a newer one knows', () => {
  const document = documentWith({ sources: [{ name: 'kraken', exchange: 'kraken', symbols: { BTC: 'BTC/USD' } }] });
  expect(readFeedDocument(JSON.stringify(document))).toEqual(document);
  expect(readFeedDocument(JSON.stringify({ ...document, colour: 'red' }))).toMatchObject(document);
});

test('refuses what the feed could not act on', () => {
  const aggregation = { method: 'Median', minSources: 1.5, maxDeviationBps: 50 } as const;
  const faults = [
    { assets: ['btc'] },
    { quote: 'US$' },
    { aggregation },
    { publish: { intervalMs: 0, heartbeatMs: 1_000 } },
    { sources: [{ name: '', exchange: 'kraken' }] },
  ];
  for (const fault of faults)
    expect(readFeedDocument(JSON.stringify(documentWith(fault))), JSON.stringify(fault)).toBe(undefined);
  for (const text of ['', 'null', '[]', '{"feed":"weir/majors"']) expect(readFeedDocument(text), text).toBe(undefined);
});
