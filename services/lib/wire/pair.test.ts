import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPair, parsePair } from './pair.ts';

const code = fc.stringMatching(/^[A-Z0-9]{1,15}$/);

describe('pairs', () => {
  it('are given back by their text', () => {
    fc.assert(
      fc.property(fc.record({ asset: code, quote: code }), (pair) => {
        expect(parsePair(formatPair(pair))).toEqual(pair);
      }),
    );
  });

  it('in USD are written without the quote, and read with or without it', () => {
    expect(formatPair({ asset: 'BTC', quote: 'USD' })).toBe('BTC');
    expect(parsePair('BTC')).toEqual({ asset: 'BTC', quote: 'USD' });
    expect(parsePair('BTC-USD')).toEqual({ asset: 'BTC', quote: 'USD' });
    expect(parsePair('1INCH-EUR')).toEqual({ asset: '1INCH', quote: 'EUR' });
  });

  it.each([
    '',
    '-',
    'btc',
    'BTC-',
    '-USD',
    'BTC-USD-EUR',
    'BTC/USD',
    'BTC ',
    'BTC\n',
    'A234567890123456',
    'BTC:X',
    '{BTC}',
  ])('does not read %j', (text) => expect(parsePair(text)).toBeUndefined());
});
