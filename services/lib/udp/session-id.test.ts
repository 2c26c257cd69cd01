import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSessionIds, SESSION_ID_LENGTH } from './session-id.ts';

const ids = createSessionIds('a secret of the installation, long enough');
const FACTS = { sha256: 'ab'.repeat(32), expiresAtMs: 1_795_170_298_000 };

describe('a session id', () => {
  test('leads to its key and its end', () => {
    const id = ids.seal(FACTS);
    expect(id).toHaveLength(SESSION_ID_LENGTH);
    expect(ids.open(id)).toEqual(FACTS);
  });

  test('shows nothing of its key, and is another one each time', () => {
    const [one, other] = [ids.seal(FACTS), ids.seal(FACTS)];
    expect(one).not.toBe(other);
    expect(Buffer.from(one, 'base64url').toString('hex')).not.toContain('abababab');
  });

  test('of another secret is none', () => {
    expect(createSessionIds('another secret').open(ids.seal(FACTS))).toBeUndefined();
  });

  test('with any character changed is none', () => {
    const id = ids.seal(FACTS);
    const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ +/='.split('');
    fc.assert(
      fc.property(fc.nat(SESSION_ID_LENGTH - 1), fc.constantFrom(...characters), (at, character) => {
        const changed = `${id.slice(0, at)}${character}${id.slice(at + 1)}`;
        if (changed !== id) expect(ids.open(changed)).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  test('that is invented is none', () => {
    fc.assert(fc.property(fc.string(), (text) => ids.open(text) === undefined));
  });
});
