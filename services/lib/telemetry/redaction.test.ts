import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactLine, redactText } from './redaction.ts';

const SECRET = 'hunter2-"{[}]\\\n';

describe('redactLine', () => {
  it.each([
    'authorization',
    'Authorization',
    'proxy-authorization',
    'apiKey',
    'api_key',
    'x-api-key',
    'password',
    'secret',
    'clientSecret',
    'token',
    'access_token',
    'cookie',
    'set-cookie',
    'credentials',
  ])('takes out %s, at any depth and of any type', (name) => {
    const line = JSON.stringify({
      [name]: SECRET,
      nested: [{ deep: { [name]: { value: SECRET, more: [SECRET] } } }],
      [`${name}-`]: [SECRET],
      number: { [name]: 7_777_777, next: 1 },
      last: true,
    });
    expect(JSON.parse(redactLine(line))).toEqual({
      [name]: '[Redacted]',
      nested: [{ deep: { [name]: '[Redacted]' } }],
      [`${name}-`]: '[Redacted]',
      number: { [name]: '[Redacted]', next: 1 },
      last: true,
    });
  });

  it('takes a secret out of JSON within texts, whatever it holds', () => {
    const nest = (value: unknown, depth: number): string =>
      JSON.stringify(depth === 0 ? value : { body: nest(value, depth - 1) });
    const unnest = (line: string, depth: number): unknown =>
      depth === 0 ? JSON.parse(line) : unnest((JSON.parse(line) as { body: string }).body, depth - 1);
    const secret = fc.oneof(
      fc.string({ unit: fc.constantFrom('\\', '"', 'a', ',', '}', '\n') }),
      fc.json(),
      fc.array(fc.string()),
    );
    fc.assert(
      fc.property(secret, fc.nat(3), (value, depth) => {
        const line = redactLine(nest({ token: value, id: 1 }, depth));
        expect(unnest(line, depth)).toEqual({ token: '[Redacted]', id: 1 });
      }),
    );
  });

  it.each(['tokens', 'secretName', 'secretRef', 'passwordless', 'key', 'keyId'])('leaves %s alone', (name) => {
    const line = JSON.stringify({ [name]: 'seen' });
    expect(redactLine(line)).toBe(line);
  });

  it('leaves the rest of a line as it was', () => {
    const json = fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text) as unknown);
    const note = fc.string().filter((text) => !/[:"\\]/.test(text));
    fc.assert(
      fc.property(json, note, note, (secret, before, after) => {
        const line = JSON.stringify({ before, a: { password: secret }, b: { after } });
        expect(JSON.parse(redactLine(line))).toEqual({ before, a: { password: '[Redacted]' }, b: { after } });
      }),
    );
  });
});

describe('redactText', () => {
  it.each([
    ['connect redis://user:pa55@valkey:6379/0 failed', 'connect redis://[Redacted]@valkey:6379/0 failed'],
    ['postgres://:p%40ss@db/weir', 'postgres://[Redacted]@db/weir'],
    ['key weir_live_0a1B2c3D4e5F6g7H8i9J0k1L2m3N denied', 'key weir_live_[Redacted] denied'],
    ['key weir_test_0a1B2c3D4e5F6g7H8i9J0k1L2m3N', 'key weir_test_[Redacted]'],
    ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer [Redacted]'],
    ['authorization: basic dXNlcjpwYXNz', 'authorization: basic [Redacted]'],
  ])('turns "%s" into "%s"', (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it.each(['https://example.com/a@b', 'see docs at http://h:8080/x?y=a@b', 'the bearer of news'])(
    'leaves "%s" alone',
    (text) => {
      expect(redactText(text)).toBe(text);
    },
  );
});
