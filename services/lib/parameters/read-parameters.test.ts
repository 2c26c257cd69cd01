import { expect, test } from 'vitest';
import { createParameterReader } from './read-parameters.ts';

function readerOf(values: Record<string, string>) {
  const warnings: unknown[] = [];
  const parameters = { get: (name: string) => values[name], close: () => Promise.resolve() };
  const reader = createParameterReader(parameters, { warn: (data: unknown) => void warnings.push(data) });
  return { reader, warnings };
}

test('what is not set has its default, and nobody is warned', () => {
  const { reader, warnings } = readerOf({});
  expect(reader.adaptiveMaxConcurrent()).toBe(16);
  expect(reader.prewarmAssets('coinbase')).toBeUndefined();
  expect(warnings).toEqual([]);
});

test('a change counts at once', () => {
  const values: Record<string, string> = { adaptive_max_concurrent: '8' };
  const { reader } = readerOf(values);
  expect(reader.adaptiveMaxConcurrent()).toBe(8);
  values['adaptive_max_concurrent'] = ' 200 ';
  expect(reader.adaptiveMaxConcurrent()).toBe(200);
});

test.each(['', '0', '-1', '1.5', '1e3', '10001', 'many', 'x'.repeat(10_000)])(
  'the number of requests in flight is its default for %j, with one warning that says what to do',
  (value) => {
    const { reader, warnings } = readerOf({ adaptive_max_concurrent: value });
    expect([reader.adaptiveMaxConcurrent(), reader.adaptiveMaxConcurrent()]).toEqual([16, 16]);
    expect(warnings).toEqual([
      {
        parameter: 'adaptive_max_concurrent',
        value: value.slice(0, 100),
        fix: 'Set a whole number from 1 to 10000, such as 16.',
      },
    ]);
  },
);

test('a value that is wrong in another way is warned of again', () => {
  const values: Record<string, string> = { kraken_prewarm_assets: 'btc' };
  const { reader, warnings } = readerOf(values);
  expect(reader.prewarmAssets('kraken')).toBeUndefined();
  values['kraken_prewarm_assets'] = 'BTC;ETH';
  expect(reader.prewarmAssets('kraken')).toBeUndefined();
  expect(warnings).toHaveLength(2);
});

test('prewarm assets are a list or all of the feed, each venue with its own', () => {
  const { reader, warnings } = readerOf({ coinbase_prewarm_assets: 'BTC, ETH,', gemini_prewarm_assets: '*' });
  const assets = reader.prewarmAssets('coinbase');
  expect(assets).toEqual(new Set(['BTC', 'ETH']));
  expect(reader.prewarmAssets('coinbase')).toBe(assets);
  expect(reader.prewarmAssets('gemini')).toBe('all');
  expect(reader.prewarmAssets('kraken')).toBeUndefined();
  expect(warnings).toEqual([]);
});

test('an empty list asks for no asset', () => {
  const { reader } = readerOf({ coinbase_prewarm_assets: '' });
  expect(reader.prewarmAssets('coinbase')).toEqual(new Set());
});
