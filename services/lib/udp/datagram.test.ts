import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeDatagram, isSignedBy, macWord, parseDatagram } from './datagram.ts';
import { createMacKey } from './mac.ts';

const SESSION = 'Aa0_-'.repeat(18).slice(0, 86);
const SECRET = 'a-secret-of-forty-three-characters-as-given';
const FIELDS = { session: SESSION, asset: 'BTC-EUR', unixMs: 1_795_166_698_000, nonce: '0123456789abcdef' };
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const key = createMacKey(SECRET);
const genuine = (): Buffer => encodeDatagram(key, FIELDS);

function reads(bytes: Buffer): boolean {
  const request = parseDatagram(bytes);
  return request !== undefined && isSignedBy(key, bytes, request);
}

describe('a datagram', () => {
  test('is read as it was written, and is 256 bytes long', () => {
    const bytes = genuine();
    expect(bytes).toHaveLength(256);
    expect(parseDatagram(bytes)).toMatchObject(FIELDS);
    expect(reads(bytes)).toBe(true);
  });

  test('carries the HMAC-SHA256 that any library makes of everything before the last blank', () => {
    const [text = ''] = genuine().toString().split(/ +$/);
    const at = text.lastIndexOf(' ');
    expect(text.slice(at + 1)).toBe(createHmac('sha256', SECRET).update(text.slice(0, at)).digest('hex'));
  });

  test('may carry a traceparent behind the hmac, and zeros for padding', () => {
    const traced = encodeDatagram(key, { ...FIELDS, traceparent: TRACEPARENT });
    expect(parseDatagram(traced)?.traceparent).toBe(TRACEPARENT);
    expect(reads(traced)).toBe(true);
    const bytes = genuine();
    bytes.fill(0, bytes.toString().trimEnd().length);
    expect(reads(bytes)).toBe(true);
    expect(parseDatagram(bytes)?.traceparent).toBeUndefined();
  });

  test('of less than 256 bytes is none, nor is one of more than 1,200', () => {
    expect(parseDatagram(genuine().subarray(0, 255))).toBeUndefined();
    expect(parseDatagram(encodeDatagram(key, { ...FIELDS, bytes: 1_200 }))).toMatchObject(FIELDS);
    expect(parseDatagram(encodeDatagram(key, { ...FIELDS, bytes: 1_201 }))).toBeUndefined();
  });

  test('says something else when it is signed by another secret', () => {
    const bytes = encodeDatagram(createMacKey('another'), FIELDS);
    expect(parseDatagram(bytes)).toMatchObject(FIELDS);
    expect(reads(bytes)).toBe(false);
  });

  test.each([
    ['another greeting', (text: string) => text.replace('WEIR1', 'WEIR2')],
    ['a session of another length', (text: string) => text.replace(SESSION, SESSION.slice(1))],
    ['no asset', (text: string) => text.replace('BTC-EUR', '')],
    ['an asset that is too long', (text: string) => text.replace('BTC-EUR', 'B'.repeat(32))],
    ['a time that is no number', (text: string) => text.replace('1795166698000', '179516669800x')],
    ['a time in seconds', (text: string) => text.replace('1795166698000', '1795166698')],
    ['a short nonce', (text: string) => text.replace('0123456789abcdef', '0123456')],
    ['a long nonce', (text: string) => text.replace('0123456789abcdef', '0'.repeat(33))],
    ['an hmac that runs on', (text: string) => `${text.trimEnd()}0`],
  ])('with %s is none', (_what, change) => {
    const text = change(genuine().toString('latin1'));
    expect(parseDatagram(Buffer.from(text.padEnd(256), 'latin1'))).toBeUndefined();
  });
});

describe('whatever arrives', () => {
  test('is answered without an exception, and is genuine only if nobody has changed what was signed', () => {
    const changes = fc.array(fc.tuple(fc.nat(255), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, (places) => {
        const original = genuine();
        const bytes = Buffer.from(original);
        for (const [at, value] of places) bytes[at] = value;
        const end = original.toString('latin1').trimEnd().length;
        const isChanged = bytes.compare(original, 0, end, 0, end) !== 0;
        if (isChanged) expect(reads(bytes)).toBe(false);
      }),
      { numRuns: 20_000 },
    );
  });

  test('of any bytes and any length is no genuine request', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 1_400 }), fc.boolean(), (random, isGreeted) => {
        const bytes = Buffer.from(random);
        if (isGreeted) bytes.write(`WEIR1 ${SESSION} BTC 1795166698000 `);
        expect(reads(bytes)).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });
});

test('words of the hmac are its digits', () => {
  const bytes = genuine();
  const request = parseDatagram(bytes);
  if (request === undefined) throw new Error('not read');
  const digits = bytes.toString('latin1', request.signedBytes + 1, request.signedBytes + 17);
  const words = [macWord(bytes, request, 0), macWord(bytes, request, 8)].map((word) => word >>> 0);
  expect(words.map((word) => word.toString(16).padStart(8, '0')).join('')).toBe(digits);
});

test('a MAC is that of HMAC-SHA256, whatever its key and its message', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 16 }), fc.uint8Array({ minLength: 0, maxLength: 512 }), (secret, message) => {
      const bytes = Buffer.from(message);
      const expected = createHmac('sha256', secret).update(bytes).digest('hex');
      expect(createMacKey(secret).sign(bytes, bytes.length)).toBe(expected);
    }),
  );
});
