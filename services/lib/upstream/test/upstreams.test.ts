import { expect, test } from 'vitest';
import { createUpstreams } from '../index.ts';
import { callerOf, plainVenue } from './scripted-rest.ts';

const REST = 'http://127.0.0.1:9';

function upstreamsOf() {
  const { upstream } = callerOf({ url: REST });
  // No list is asked for here.
  return createUpstreams({ ...upstream, valkey: undefined as never });
}

test('whoever asks a venue at one address shares one way to it', () => {
  const upstreams = upstreamsOf();
  const own = upstreams.of(plainVenue, {});
  expect(own).toBeDefined();
  expect(upstreams.of(plainVenue, { restUrl: plainVenue.defaultRestUrl })).toBe(own);
  const other = upstreams.of(plainVenue, { url: 'ws://127.0.0.1:9', restUrl: REST });
  expect(other).not.toBe(own);
  expect(upstreams.of(plainVenue, { restUrl: REST })).toBe(other);
});

test('a socket of its own without a REST address is not asked by REST at the address of somebody else', () => {
  expect(upstreamsOf().of(plainVenue, { url: 'ws://127.0.0.1:9' })).toBeUndefined();
});

test('addresses that nobody asks for any more are forgotten, the ones in use are not', () => {
  const upstreams = upstreamsOf();
  const own = upstreams.of(plainVenue, {});
  const old = upstreams.of(plainVenue, { restUrl: 'http://127.0.0.1:1/old' });
  for (let edit = 0; edit < 99; edit += 1) {
    upstreams.of(plainVenue, { restUrl: `http://127.0.0.1:1/${edit}` });
    expect(upstreams.of(plainVenue, {})).toBe(own);
  }
  expect(upstreams.of(plainVenue, { restUrl: 'http://127.0.0.1:1/old' })).not.toBe(old);
});
