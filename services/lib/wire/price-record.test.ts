import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DECIMAL_ONE, formatDecimal } from './decimal.ts';
import {
  DEFAULT_FRESHNESS,
  decodePriceRecord,
  encodePriceRecord,
  PRICE_FLAGS,
  priceJson,
  priceJsonHead,
  priceStatus,
  readPriceRecord,
  type PriceRecord,
} from './price-record.ts';

const code = fc.stringMatching(/^[A-Z0-9]{1,15}$/);
const source = fc.stringMatching(/^[a-z][a-z0-9]{0,12}-(?:ws|rest|prewarm)$/);
const decimalText = fc.bigInt({ min: 0n, max: 10n ** 15n * DECIMAL_ONE - 1n }).map(formatDecimal);

const anyFlags = fc.subarray([...PRICE_FLAGS], { minLength: 1 });

const record: fc.Arbitrary<PriceRecord> = fc.record(
  {
    asset: code,
    quote: code,
    priceText: decimalText,
    confirmedAtMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
    source,
    sources: fc.array(source, { maxLength: 6 }),
    latencyMs: fc.integer({ min: 0, max: 1_000_000 }),
    confidenceText: decimalText,
    seq: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    flags: anyFlags,
  },
  {
    requiredKeys: [
      'asset',
      'quote',
      'priceText',
      'confirmedAtMs',
      'source',
      'sources',
      'latencyMs',
      'confidenceText',
      'seq',
    ],
  },
);

const NOW_MS = 1_795_166_698_100;

const example: PriceRecord = {
  asset: 'BTC',
  quote: 'USD',
  priceText: '84737.58',
  confirmedAtMs: NOW_MS - 43,
  source: 'median',
  sources: ['coinbase-ws', 'kraken-ws'],
  latencyMs: 12,
  confidenceText: '4.21',
  seq: 1_795_166_698_000_123,
};

describe('the price record', () => {
  it('is given back by its JSON', () => {
    fc.assert(
      fc.property(record, fc.nat(), (one, afterMs) => {
        expect(decodePriceRecord(encodePriceRecord(one, one.confirmedAtMs + afterMs, DEFAULT_FRESHNESS))).toEqual(one);
      }),
    );
  });

  it('names its flags before its seq, and has no such member without any', () => {
    expect(priceJsonHead({ ...example, flags: ['single', 'hold'] })).toContain(
      '"sources":["coinbase-ws","kraken-ws"],"flags":["single","hold"],"seq":1795166698000123',
    );
    expect(priceJsonHead({ ...example, flags: [] })).not.toContain('flags');
  });

  it('is read with the flags that this version knows', () => {
    const json = encodePriceRecord({ ...example, flags: ['depeg'] }, NOW_MS, DEFAULT_FRESHNESS);
    expect(decodePriceRecord(json.replace('["depeg"]', '["later","depeg",7]'))?.flags).toEqual(['depeg']);
    expect(decodePriceRecord(json.replace('["depeg"]', '"depeg"'))).toEqual(example);
  });

  it('is written as the documented object', () => {
    expect(JSON.parse(encodePriceRecord(example, NOW_MS, DEFAULT_FRESHNESS))).toEqual({
      asset: 'BTC',
      price: 84_737.58,
      timestamp: new Date(NOW_MS - 43).toISOString(),
      readable_timestamp: new Date(NOW_MS - 43).toISOString().replace('T', ' ').replace(/\..*$/, ' UTC'),
      source: 'median',
      latency_ms: 12,
      cached: true,
      quote: 'USD',
      price_text: '84737.58',
      confidence: '4.21',
      sources: ['coinbase-ws', 'kraken-ws'],
      age_ms: 43,
      status: 'fresh',
      seq: 1_795_166_698_000_123,
    });
  });

  it('writes the price as the digits of its text, beyond what a float holds', () => {
    const exact = { ...example, priceText: '123456789012345.123456789012345678' };
    expect(priceJsonHead(exact)).toContain('"price":123456789012345.123456789012345678,');
  });

  it('is the same JSON whether written at once or by completing a head', () => {
    const at = priceJson(priceJsonHead(example), true, 43, 'fresh');
    expect(at).toBe(encodePriceRecord(example, NOW_MS, DEFAULT_FRESHNESS));
  });

  it('never has a negative age', () => {
    expect(encodePriceRecord(example, NOW_MS - 10_000, DEFAULT_FRESHNESS)).toContain('"age_ms":0,');
  });
});

describe('reading a price record', () => {
  it('never throws, and what it admits is written as JSON again', () => {
    const stored = JSON.parse(encodePriceRecord(example, NOW_MS, DEFAULT_FRESHNESS)) as Record<string, unknown>;
    const nasty = fc.oneof(
      fc.json().map((json) => JSON.parse(json) as unknown),
      fc.string(),
      fc.constantFrom('01', '1,"x":2', Infinity),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(stored)), nasty, (name, value) => {
        const read = readPriceRecord({ ...stored, [name]: value });
        if (read === undefined) return;
        expect(decodePriceRecord(encodePriceRecord(read, NOW_MS, DEFAULT_FRESHNESS))).toEqual(read);
      }),
      { numRuns: 2_000 },
    );
  });

  it('answers undefined for any text that is no record', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(decodePriceRecord(text)).toBeUndefined();
      }),
    );
  });

  it.each(['asset', 'quote', 'price_text', 'timestamp', 'source', 'sources', 'latency_ms', 'confidence', 'seq'])(
    'needs %s',
    (name) => {
      const stored = JSON.parse(encodePriceRecord(example, NOW_MS, DEFAULT_FRESHNESS)) as Record<string, unknown>;
      expect(readPriceRecord(stored)).toEqual(example);
      expect(readPriceRecord({ ...stored, [name]: undefined })).toBeUndefined();
      expect(readPriceRecord({ ...stored, [name]: {} })).toBeUndefined();
    },
  );

  it('refuses texts that would break the JSON they are written into', () => {
    const stored = JSON.parse(encodePriceRecord(example, NOW_MS, DEFAULT_FRESHNESS)) as Record<string, unknown>;
    for (const [name, value] of [
      ['price_text', '1,"asset":"ETH"'],
      ['price_text', '01.5'],
      ['asset', 'BTC"'],
      ['source', 'a","b":"'],
      ['seq', 1.5],
    ] as const) {
      expect(readPriceRecord({ ...stored, [name]: value }), name).toBeUndefined();
    }
  });
});

describe('priceStatus', () => {
  it.each([
    [0, 'fresh'],
    [5_000, 'fresh'],
    [5_001, 'aging'],
    [15_000, 'aging'],
    [15_001, 'stale'],
    [60_000, 'stale'],
    [60_001, 'dead'],
  ] as const)('of an age of %d ms is %s', (ageMs, status) => {
    expect(priceStatus(ageMs, DEFAULT_FRESHNESS)).toBe(status);
  });
});
