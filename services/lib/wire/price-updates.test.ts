import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PriceRecord } from './price-record.ts';
import { decodePriceUpdateBatch, encodePriceUpdateBatch, type PriceUpdateBatch } from './price-updates.ts';

const record = (asset: string, seq: number): PriceRecord => ({
  asset,
  quote: 'USD',
  priceText: '1.5',
  confirmedAtMs: 1_795_166_698_000,
  source: 'kraken-ws',
  sources: ['kraken-ws'],
  latencyMs: 3,
  confidenceText: '0',
  seq,
});

const batch: fc.Arbitrary<PriceUpdateBatch> = fc.record(
  {
    feed: fc.string(),
    lease: fc.string(),
    number: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    madeAtMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    records: fc.array(fc.tuple(fc.constantFrom('BTC', 'ETH'), fc.nat()).map(([asset, seq]) => record(asset, seq))),
    confirmations: fc.array(
      fc.record({
        asset: fc.constantFrom('BTC', 'ETH'),
        sinceSeq: fc.nat(),
        seq: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        confirmedAtMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      }),
    ),
    traceparent: fc.string(),
  },
  { requiredKeys: ['feed', 'lease', 'number', 'madeAtMs', 'records', 'confirmations'] },
);

describe('price update batches', () => {
  it('are given back by their payload, whatever stands in their texts', () => {
    fc.assert(
      fc.property(batch, (one) => {
        expect(decodePriceUpdateBatch(encodePriceUpdateBatch(one))).toEqual(one);
      }),
    );
  });

  it('lose a record that cannot be read, and keep the others', () => {
    const records = [record('BTC', 1), record('ETH', 2)];
    const one = { feed: 'a/b', lease: 'l', number: 1, madeAtMs: 5, records, confirmations: [] };
    const payload = encodePriceUpdateBatch(one).replace('"asset":"BTC"', '"asset":null');
    expect(decodePriceUpdateBatch(payload)?.records).toEqual([record('ETH', 2)]);
  });

  it('lose a confirmation that cannot be read, and keep the others', () => {
    const confirmed = [['BTC', 1, 2, 3], null, [], ['ETH', 1, '2', 3], [5, 1, 2, 3], ['SOL', 1, 2, 0.5]];
    const payload = JSON.stringify({ feed: 'a/b', lease: 'l', n: 1, at: 5, records: [], confirmed });
    expect(decodePriceUpdateBatch(payload)?.confirmations).toEqual([
      { asset: 'BTC', sinceSeq: 1, seq: 2, confirmedAtMs: 3 },
    ]);
  });

  it('are not read from anything else, and never throw', () => {
    const anything = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(anything, (text) => {
        expect(decodePriceUpdateBatch(text)).toBeUndefined();
      }),
    );
  });

  it.each(['feed', 'lease', 'n', 'at', 'records'])('need %s', (name) => {
    const payload = { feed: 'a/b', lease: 'l', n: 1, at: 5, records: [] };
    expect(decodePriceUpdateBatch(JSON.stringify(payload))).toBeDefined();
    expect(decodePriceUpdateBatch(JSON.stringify({ ...payload, [name]: undefined }))).toBeUndefined();
  });

  it.each([0, -1, 1.5, '1', 2 ** 60])('are numbered from 1: not %j', (n) => {
    expect(decodePriceUpdateBatch(JSON.stringify({ feed: 'a/b', lease: 'l', n, at: 5, records: [] }))).toBeUndefined();
  });
});
