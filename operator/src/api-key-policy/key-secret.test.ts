import { createKeyText, hashKeyText } from '@weir/keys';
import { expect, test } from 'vitest';
import { samplePolicy } from '../../test/api-key-policy/sample-policy.ts';
import { newKeySecret, readKeySecret, rotatedKeySecret } from './key-secret.ts';
import type { KeyEntry, Secret } from './policy.ts';

const entry: KeyEntry = { name: 'acme', project: 'acme', secretRef: { name: 'acme-key' } };
const policy = samplePolicy({ keys: [entry] });
const nowMs = Date.UTC(2026, 0, 2);
const text = createKeyText('test');
const own = newKeySecret(policy, entry, { text, nowMs });
const withText = (secret: Secret, value: string): Secret => ({
  ...secret,
  data: { key: Buffer.from(value).toString('base64') },
});

test('reads back what it has written', () => {
  expect(readKeySecret(own, policy)).toEqual({
    origin: 'own',
    isGoing: false,
    sha256: hashKeyText(text),
    issuedAtMs: nowMs,
  });
});

test('neither the text nor its whole hash is outside the data', () => {
  const outside = JSON.stringify({ ...own, data: {} });
  expect(outside).not.toContain(text.slice(10));
  expect(outside).not.toContain(hashKeyText(text));
});

test('a rotation says until when the texts before it work, and leaves alone what others put there', () => {
  const grown = { ...own, metadata: { ...own.metadata, annotations: { ...own.metadata.annotations, theirs: 'x' } } };
  const other = { ...grown, data: { ...own.data, extra: 'eA==' } };
  const next = createKeyText('test');
  const rotated = rotatedKeySecret(other, entry, { text: next, nowMs: nowMs + 1, previousUntilMs: nowMs + 1_000 });
  expect(readKeySecret(rotated, policy)).toEqual({
    origin: 'own',
    isGoing: false,
    sha256: hashKeyText(next),
    issuedAtMs: nowMs + 1,
    previousUntilMs: nowMs + 1_000,
  });
  expect(rotated.metadata.annotations).toMatchObject({ theirs: 'x', 'weir.dev/key-name': 'acme' });
  expect(rotated.data).toMatchObject({ extra: 'eA==' });
  // What stands there of our text says nothing of one that somebody else put in.
  expect(readKeySecret(withText(rotated, createKeyText('live')), policy)).not.toHaveProperty('previousUntilMs');
});

test('tells whose Secret it is', () => {
  const { labels, ownerReferences, ...metadata } = own.metadata;
  const reborn = { ...policy, metadata: { ...policy.metadata, uid: 'another' } };
  const renamed = samplePolicy({}, { name: 'gold' });
  expect(readKeySecret(own, reborn).origin).toBe('predecessor');
  expect(readKeySecret(own, renamed).origin).toBe('foreign');
  expect(readKeySecret({ ...own, metadata: { ...metadata, ...(labels && { labels }) } }, policy).origin).toBe(
    'foreign',
  );
  expect(
    readKeySecret({ ...own, metadata: { ...metadata, ...(ownerReferences && { ownerReferences }) } }, policy).origin,
  ).toBe('foreign');
});

test.each([
  ['no data', {}, 'has no data under "key"'],
  ['another field', { data: { token: 'eA==' } }, 'has no data under "key"'],
  ['no key', withText(own, 'weir_live_oops'), 'is no key'],
  ['a key that was cut', withText(own, text.slice(0, -1)), 'is no key'],
])('%s is no text', (_name, change, problem) => {
  const { data: _data, ...rest } = own;
  const read = readKeySecret({ ...rest, ...change }, policy);
  expect(read).not.toHaveProperty('sha256');
  expect(read.problem).toContain(problem);
});

test('the line end of an editor is no part of the text', () => {
  expect(readKeySecret(withText(own, `${text}\n`), policy).sha256).toBe(hashKeyText(text));
});
