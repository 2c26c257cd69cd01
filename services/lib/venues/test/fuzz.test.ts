import { parseDecimal } from '@weir/wire';
import { expect, test } from 'vitest';
import { venues, type VenueEvent } from '../index.ts';
import { findRecordings, readFrames } from './recordings.ts';

const MUTATIONS = 110_000;
const SEED = 20_261_120;

/** One frame of every shape, for clones that have no recordings beside them. */
const SHAPES = [
  '{"type":"ticker","sequence":137212619516,"product_id":"BTC-USD","price":"84737.58","best_bid":"84737.58","best_ask":"84737.59","time":"2026-10-03T20:58:31.127510Z","trade_id":1102042811}',
  '{"type":"match","trade_id":216544,"side":"buy","size":"0.97133855","price":"4.97800000","product_id":"ETC-GBP","time":"2019-08-01T00:00:03.816000Z"}',
  '{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}',
  '{"type":"subscriptions","channels":[{"name":"ticker","product_ids":["BTC-USD"],"account_ids":null}]}',
  '{"type":"error","message":"Failed to subscribe","reason":"ETH-FOO is not a valid product"}',
  '{"type":"status","products":[{"id":"BTC-USD","status":"online","cancel_only":true}],"currencies":[]}',
  '{"channel":"ticker","type":"snapshot","data":[{"symbol":"ALGO/USD","bid":0.13099,"bid_qty":329.06250000,"ask":0.13108,"last":0.13110,"timestamp":"2026-10-03T20:58:33.794283Z"}]}',
  '{"channel":"ticker","data":[{"symbol":"ALGO/USD","last":8.12e-7},{"symbol":"BTC/USD","last":105899.40}]}',
  '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"trade_id":10218208}]}',
  '{"channel":"status","type":"update","data":[{"system":"online","connection_id":3364750901719990046,"upcoming_maintenance":[{"title":"x"}],"emergency":[]}]}',
  '{"method":"subscribe","success":false,"error":"Currency pair not supported FOO/BAR","symbol":"FOO/BAR","req_id":1}',
  '[1337,{"c":["5525.10000","0.00398963"]},"ticker","XBT/USD"]',
];

const FRAGMENTS = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '-',
  '.',
  '0',
  '-0',
  '1e309',
  '1e-400',
  '""',
  'null',
  'true',
  'NaN',
  '\u0000',
  '\ud800',
  '{"data":',
  '"last":',
  '"price":"0.-10000"',
  '"__proto__":{',
  '9'.repeat(40),
  '[['.repeat(200),
];

test('no mutated frame throws, is lost, or yields a price that is none', () => {
  const recordings = findRecordings();
  const recorded = recordings === undefined ? [] : Object.keys(venues).flatMap((id) => readFrames(recordings, id));
  const corpus = [...SHAPES, ...recorded.flatMap(({ frames }) => frames)].filter(({ length }) => length < 5_000);
  const random = createRandom(SEED);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const decoders = Object.values(venues).map(({ decode }) => decode);
  let prices = 0;
  for (let n = 0; n < MUTATIONS; n++) {
    const frame = mutate(pick(corpus), random, pick);
    for (const decode of decoders) {
      const events = decode(frame);
      // Asserted by hand: 300,000 calls of expect would take minutes.
      if (events.length === 0) throw new Error(`no event for ${JSON.stringify(frame)}`);
      for (const event of events) prices += checkEvent(event, frame);
    }
  }
  expect(prices).toBeGreaterThan(MUTATIONS / 20);
}, 120_000);

function mutate(frame: string, random: () => number, pick: <T>(items: readonly T[]) => T): string {
  let text = frame;
  for (let rounds = 1 + Math.floor(random() * 4); rounds > 0; rounds--) {
    const at = Math.floor(random() * text.length);
    const to = at + Math.floor(random() * 12);
    const kind = random();
    if (kind < 0.25) text = text.slice(0, at) + text.slice(to);
    else if (kind < 0.5) text = text.slice(0, at) + pick(FRAGMENTS) + text.slice(at);
    else if (kind < 0.7) text = text.slice(0, at) + text.slice(at, to) + text.slice(at);
    else if (kind < 0.8)
      text = text.slice(0, at) + String.fromCharCode(Math.floor(random() * 65_536)) + text.slice(at + 1);
    else if (kind < 0.9) text = text.replace(/\d+(?:\.\d+)?/g, (number) => (random() < 0.1 ? pick(FRAGMENTS) : number));
    else text = text.replace(/"[^"]*"/g, (word) => (random() < 0.1 ? pick(['""', '0', 'null', '"x"', '{}']) : word));
  }
  return text;
}

/** How many prices the event holds. */
function checkEvent(event: VenueEvent, frame: string): number {
  const values: Record<string, unknown> = { ...event };
  const { tradeTime = '2026-01-01' } = values;
  if (typeof tradeTime !== 'string' || !(Date.parse(tradeTime) > 0)) {
    throw new Error(`no time: ${JSON.stringify(event)} of ${JSON.stringify(frame)}`);
  }
  let count = 0;
  for (const name of ['price', 'bid', 'ask', 'size']) {
    if (!(name in event)) continue;
    const text = values[name];
    const value = typeof text === 'string' ? parseDecimal(text) : undefined;
    if (value === undefined || value <= 0n)
      throw new Error(`no price: ${JSON.stringify(event)} of ${JSON.stringify(frame)}`);
    count += 1;
  }
  return count;
}

/** mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
