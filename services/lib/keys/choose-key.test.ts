import { expect, test } from 'vitest';
import { chooseKey, type KeyChoice, type KeyClaim, type NamedKey } from './choose-key.ts';

const claim = (changes: Partial<KeyClaim> = {}): KeyClaim => ({
  name: 'acme',
  policy: 'weir/pro',
  project: 'acme',
  mayTakeOver: false,
  ...changes,
});
const named = (record: Partial<NamedKey['record']> = {}, rest: Partial<NamedKey> = {}): NamedKey => ({
  record: { id: 'of-text', name: 'acme', policy: 'weir/pro', revoked: false, ...record },
  project: 'acme',
  isWithdrawn: false,
  ...rest,
});
const withdrawn = (record: Partial<NamedKey['record']> = {}): NamedKey =>
  named({ revoked: true, ...record }, { isWithdrawn: true });

const cases: readonly [string, KeyClaim, NamedKey | undefined, string | undefined, KeyChoice][] = [
  ['an unknown text, no key of the name', claim(), undefined, undefined, { kind: 'new' }],
  ['an unknown text goes to the key of the name', claim(), undefined, 'held', { kind: 'known', id: 'held' }],
  ['the text of the key itself', claim(), named(), 'of-text', { kind: 'known', id: 'of-text' }],
  [
    'a text of it whose project is another one now',
    claim({ project: 'b' }),
    named(),
    'of-text',
    { kind: 'known', id: 'of-text' },
  ],
  ['the text of a key that was withdrawn', claim(), withdrawn(), undefined, { kind: 'known', id: 'of-text' }],
  [
    'the text of a key that another policy has withdrawn, in place of the own one',
    claim(),
    withdrawn({ policy: 'weir/free', name: 'other' }),
    'held',
    { kind: 'known', id: 'of-text', retiredId: 'held' },
  ],
  ['the text of a revoked key', claim(), named({ revoked: true }), undefined, { kind: 'revoked', id: 'of-text' }],
  [
    'the text of a revoked key, by whoever takes over',
    claim({ mayTakeOver: true }),
    named({ revoked: true, policy: 'weir/free' }),
    'held',
    { kind: 'revoked', id: 'of-text' },
  ],
  [
    'the text of another key of the policy',
    claim(),
    named({ name: 'other' }),
    undefined,
    { kind: 'taken', policy: 'weir/pro', name: 'other' },
  ],
  [
    "the text of another policy's key",
    claim(),
    named({ policy: 'weir/free' }),
    'held',
    { kind: 'taken', policy: 'weir/free', name: 'acme' },
  ],
  [
    'the text of a key without a policy',
    claim(),
    named({ policy: '' }),
    undefined,
    { kind: 'taken', policy: '', name: 'acme' },
  ],
  [
    'the same, by whoever takes over',
    claim({ mayTakeOver: true }),
    named({ policy: 'weir/free' }),
    'held',
    { kind: 'known', id: 'of-text', retiredId: 'held' },
  ],
  [
    'the same, of another project',
    claim({ mayTakeOver: true }),
    named({ policy: 'weir/free' }, { project: 'b' }),
    undefined,
    { kind: 'otherProject' },
  ],
  [
    'a text without a policy on either side',
    claim({ policy: '', mayTakeOver: true }),
    named({ policy: '' }),
    undefined,
    { kind: 'known', id: 'of-text' },
  ],
];

test.each(cases)('%s', (_name, asked, byText, heldId, choice) => {
  expect(chooseKey(asked, byText, heldId)).toEqual(choice);
});
