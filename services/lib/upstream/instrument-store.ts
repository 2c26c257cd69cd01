/** A venue's list of markets in Valkey, so that one process asks the venue for all: `venue:instruments:<venue>`. */
import { keyspace } from '@weir/keyspace';
import { defineScript, type ValkeyClient } from '@weir/valkey';
import type { Instrument } from '@weir/venues';

/** By `<ASSET>-<QUOTE>`. */
export type InstrumentList = ReadonlyMap<string, Instrument>;

export interface StoredList {
  readonly instruments: InstrumentList;
  /** Since the venue was asked. */
  readonly ageMs: number;
}

export interface InstrumentStore {
  /** `undefined` when there is no list, or one from another address. Rejects when Valkey does not answer. */
  read(): Promise<StoredList | undefined>;
  write(instruments: InstrumentList): Promise<void>;
}

/** Beside the markets: the address that the list came from. A list of another one, a test server's say, is not taken. */
const FROM_FIELD = 'from';
const REST_SUFFIX = ':rest';
const HALTED_SUFFIX = ':halted';
const PAIR = /^([A-Z0-9]{1,15})-([A-Z0-9]{1,15})$/;
/** A smaller number than unpack() admits at once. */
const FIELDS_PER_CALL = 500;

/**
 * KEYS[1] venue:instruments:<venue>. ARGV[1] time to live in ms, then field and value in turn. Replaces the list whole,
 * in one step: readers see the old one or the new one. O(number of fields).
 */
const replaceInstruments = defineScript(
  'replace-instruments',
  `redis.call('DEL', KEYS[1])
for first = 2, #ARGV, ${FIELDS_PER_CALL * 2} do
  redis.call('HSET', KEYS[1], unpack(ARGV, first, math.min(first + ${FIELDS_PER_CALL * 2 - 1}, #ARGV)))
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`,
  1,
);

export function createInstrumentStore(client: ValkeyClient, venue: string, restUrl: string): InstrumentStore {
  const key = keyspace.venueInstruments.key({ venue });
  const ttlMs = keyspace.venueInstruments.ttlSeconds * 1_000;
  return {
    async read() {
      const [fields, leftMs] = await Promise.all([client.hgetall(key), client.call('PTTL', key)]);
      if (fields[FROM_FIELD] !== restUrl) return undefined;
      const instruments = parseFields(fields);
      return instruments.size === 0 ? undefined : { instruments, ageMs: Math.max(0, ttlMs - Number(leftMs)) };
    },
    async write(instruments) {
      const fields = [FROM_FIELD, restUrl];
      for (const [pair, { symbol, restSymbol, isHalted }] of instruments) {
        fields.push(pair, symbol);
        if (restSymbol !== undefined && restSymbol !== symbol) fields.push(pair + REST_SUFFIX, restSymbol);
        if (isHalted === true) fields.push(pair + HALTED_SUFFIX, '1');
      }
      await client.run(replaceInstruments, [key], [ttlMs, ...fields]);
    },
  };
}

/** What has no such pair cannot be asked for either; of two markets of one pair, the one listed first counts. */
export function listInstruments(instruments: readonly Instrument[]): InstrumentList {
  const list = new Map<string, Instrument>();
  for (const instrument of instruments) {
    const pair = `${instrument.asset}-${instrument.quote}`;
    if (PAIR.test(pair) && instrument.symbol !== '' && !list.has(pair)) list.set(pair, instrument);
  }
  return list;
}

function parseFields(fields: Readonly<Record<string, string>>): InstrumentList {
  const instruments = new Map<string, Instrument>();
  for (const [field, symbol] of Object.entries(fields)) {
    const [, asset, quote] = PAIR.exec(field) ?? [];
    if (asset === undefined || quote === undefined || symbol === '') continue;
    const restSymbol = fields[field + REST_SUFFIX];
    const isHalted = fields[field + HALTED_SUFFIX] !== undefined;
    instruments.set(field, {
      asset,
      quote,
      symbol,
      ...(restSymbol !== undefined && { restSymbol }),
      ...(isHalted && { isHalted }),
    });
  }
  return instruments;
}
