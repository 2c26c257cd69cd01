import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { isParameter, keyspace, keyspaceSections, parameters, type KeyFamily, type ParameterName } from './index.ts';

const families: readonly (readonly [string, KeyFamily])[] = keyspaceSections.flatMap(({ families: of }) =>
  Object.entries(of),
);

const valueOf = (name: ParameterName): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^(?:${parameters[name].pattern})$`));

const valuesOf = (family: KeyFamily): fc.Arbitrary<Record<string, string>> =>
  fc.record(Object.fromEntries(family.parameters.map((name) => [name, valueOf(name)])));

const DURATION = /^(\d+) (s|min|h|d)\b/;
const SECONDS_PER: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3_600, d: 86_400 };

describe('key families', () => {
  it.each(families)('%s: what key builds from admitted values, parse takes apart', (_name, family) => {
    fc.assert(
      fc.property(valuesOf(family), (values) => {
        expect(family.parse(family.key(values))).toEqual(values);
      }),
    );
  });

  it.each(families)('%s: a key built from its values belongs to no other family', (name, family) => {
    // Fields and members live inside one key each; keys and channels share the names of the server.
    const isGlobal = (of: KeyFamily): boolean => of.kind === 'key' || of.kind === 'channel';
    const others = families.filter(
      ([other, of]) =>
        other !== name && (isGlobal(family) ? isGlobal(of) : of.kind === family.kind && of.type === family.type),
    );
    fc.assert(
      fc.property(valuesOf(family), (values) => {
        const key = family.key(values);
        expect(others.filter(([, of]) => of.parse(key) !== undefined).map(([other]) => other)).toEqual([]);
      }),
    );
  });

  it.each(families)('%s: parse is anchored at both ends', (_name, family) => {
    fc.assert(
      fc.property(valuesOf(family), (values) => {
        const key = family.key(values);
        expect(family.parse(`:${key}`)).toBeUndefined();
        expect(family.parse(`${key}:`)).toBeUndefined();
        expect(family.parse(`${key}\n`)).toBeUndefined();
      }),
    );
  });

  it.each(families.filter(([, family]) => family.ttlSeconds !== undefined))(
    '%s: ttlSeconds is the number that ttl begins with',
    (_name, family) => {
      const [, count = '', unit = ''] = DURATION.exec(family.ttl) ?? [];
      expect(Number(count) * (SECONDS_PER[unit] ?? Number.NaN)).toBe(family.ttlSeconds);
    },
  );

  it('puts every key of one API key and of one scope into one slot', () => {
    const tagOf = (key: string): string => /\{([^}]+)\}/.exec(key)?.[1] ?? '';
    const ofKey = [
      keyspace.rateLimit.key({ key_id: 'k1' }),
      keyspace.requestsMinute.key({ key_id: 'k1', minute: '202611201130' }),
      keyspace.quotaMonthly.key({ key_id: 'k1', month: '202611' }),
      keyspace.budgetDaily.key({ key_id: 'k1', day: '20261120' }),
      keyspace.budgetReservation.key({ key_id: 'k1', request_id: 'r1' }),
      keyspace.budgetHolds.key({ key_id: 'k1' }),
      keyspace.slots.key({ key_id: 'k1' }),
      keyspace.udpSessions.key({ key_id: 'k1' }),
    ];
    expect(new Set(ofKey.map(tagOf))).toEqual(new Set(['k1']));
    expect(tagOf(keyspace.adaptiveRing.key({ scope: 'lpo:kraken' }))).toBe('adaptive:lpo:kraken');
    expect(tagOf(keyspace.usageMinute.key({ minute: '202611201130', writer: 'w' }))).toBe('202611201130');
  });

  it('spells keys as the design does', () => {
    expect(keyspace.price.key({ pair: 'BTC' })).toBe('price:BTC');
    expect(keyspace.price.parse('price:BTC-EUR')).toEqual({ pair: 'BTC-EUR' });
    expect(keyspace.price.parse(keyspace.priceUpdates.key())).toBeUndefined();
    expect(keyspace.rateLimit.key({ key_id: 'k1' })).toBe('ratelimit:{k1}');
    expect(keyspace.providerQuota.key({ provider: 'coinbase' })).toBe('ratelimit:coinbase:global');
    expect(keyspace.feedLease.key({ namespace: 'default', name: 'majors' })).toBe('feed:lease:default/majors');
    expect(keyspace.usageMinutePart.key({ minute: '202611201130', writer: 'w', part: '2' })).toBe(
      'usage:buffer:minute:{202611201130}:w:2',
    );
    expect(keyspace.documentSeqField.key()).toBe('#seq');
  });

  it('derives parameter names from the template', () => {
    expectTypeOf(keyspace.budgetReservation.key)
      .parameter(0)
      .toEqualTypeOf<Readonly<Record<'key_id' | 'request_id', string>>>();
    expectTypeOf(keyspace.feeds.key).parameters.toEqualTypeOf<[]>();
    expectTypeOf(keyspace.clusterStats.ttlSeconds).toEqualTypeOf<30>();
  });
});

describe('isParameter', () => {
  it('admits what the pattern admits and nothing else', () => {
    expect(isParameter('pair', 'BTC-EUR')).toBe(true);
    expect(isParameter('pair', 'btc')).toBe(false);
    expect(isParameter('pair', 'BTC\n')).toBe(false);
    expect(isParameter('scope', 'lpo')).toBe(true);
    expect(isParameter('scope', 'llm:openai')).toBe(true);
    expect(isParameter('scope', 'llm')).toBe(false);
  });

  it.each(Object.keys(parameters) as ParameterName[])('%s admits no braces, blanks, stars or empty text', (name) => {
    fc.assert(
      fc.property(valueOf(name), fc.constantFrom(' ', '{', '}', '\n', '*'), (value, bad) => {
        expect(isParameter(name, value)).toBe(true);
        expect(isParameter(name, `${value}${bad}`)).toBe(false);
        expect(isParameter(name, '')).toBe(false);
      }),
    );
  });
});
