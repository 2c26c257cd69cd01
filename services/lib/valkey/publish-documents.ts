/** Writes compiled documents and tells their readers, in one step that a reader sees whole or not at all. */
import { keyspace } from '@weir/keyspace';

import type { ValkeyClient } from './client.ts';
import { familyKeys, splitDocument, type DocumentFamily } from './document-format.ts';
import { defineScript } from './script.ts';

/*
 * KEYS  1 hash of the family
 * ARGV  1 its channel, 2 the field of the sequence number, 3 the number that it must have, or an empty text, then per
 *       document: field, number n of pieces, n pieces; n = 0 deletes it
 * Returns the sequence number, or 0 when it is not as it must be: nothing is written then. O(bytes of the documents).
 *
 * The number is at least the server's time in ms, so that it goes on rising after the hash was lost. What is the same
 * already is left alone; when all is, nothing is written and nobody is told. Only a first set is published in any case:
 * without a number an empty one could not be told from a hash that was lost. Parts are named as
 * keyspace.documentPartField has it.
 */
const PUBLISH = defineScript(
  'publishDocuments',
  `
local hash, channel, seqField = KEYS[1], ARGV[1], ARGV[2]
local previous = tonumber(redis.call('HGET', hash, seqField) or '0')
if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= previous then return 0 end

local function partsOf(text)
  return tonumber(text and string.match(text, '^#(%d+)$') or 0)
end

local function isSame(field, pieces)
  local old = redis.call('HGET', hash, field)
  if #pieces < 2 then return (old or nil) == pieces[1] end
  if partsOf(old) ~= #pieces then return false end
  for n = 1, #pieces do
    if redis.call('HGET', hash, field .. '#' .. n) ~= pieces[n] then return false end
  end
  return true
end

local function replace(field, pieces)
  for n = 1, partsOf(redis.call('HGET', hash, field)) do
    redis.call('HDEL', hash, field .. '#' .. n)
  end
  if #pieces == 0 then
    redis.call('HDEL', hash, field)
  elseif #pieces == 1 then
    redis.call('HSET', hash, field, pieces[1])
  else
    redis.call('HSET', hash, field, '#' .. #pieces)
    for n = 1, #pieces do redis.call('HSET', hash, field .. '#' .. n, pieces[n]) end
  end
end

local changed = {}
local at = 4
while at <= #ARGV do
  local field, count = ARGV[at], tonumber(ARGV[at + 1])
  local pieces = {}
  for n = 1, count do pieces[n] = ARGV[at + 1 + n] end
  at = at + 2 + count
  if not isSame(field, pieces) then
    replace(field, pieces)
    changed[#changed + 1] = field
  end
end
if #changed == 0 and previous > 0 then return previous end

local now = redis.call('TIME')
local seq = math.max(previous + 1, now[1] * 1000 + math.floor(now[2] / 1000))
local text = string.format('%.0f', seq)
redis.call('HSET', hash, seqField, text)
redis.call('PUBLISH', channel,
  string.format('{"seq":%s,"previous":%.0f,"fields":%s}', text, previous, #changed == 0 and '[]' or cjson.encode(changed)))
return seq
`,
  1,
);

/**
 * Answers the sequence number that covers the documents: an unchanged set answers the one it had, and is not published
 * again. `undefined` deletes a document. After the loss of the hash, publish the whole set in one call: a reader takes
 * what it then finds for all there is.
 */
export function publishDocuments(
  client: ValkeyClient,
  family: DocumentFamily,
  documents: ReadonlyMap<string, string | undefined>,
): Promise<number> {
  return run(client, family, documents, '');
}

/**
 * As `publishDocuments`, for a part of the set, as long as the set is the one whose number is `seq`; else nothing is
 * written and the answer is `undefined`, for what is there may be lost or another's.
 */
export async function publishChanges(
  client: ValkeyClient,
  family: DocumentFamily,
  documents: ReadonlyMap<string, string | undefined>,
  seq: number,
): Promise<number | undefined> {
  const answer = await run(client, family, documents, seq);
  return answer === 0 ? undefined : answer;
}

async function run(
  client: ValkeyClient,
  family: DocumentFamily,
  documents: ReadonlyMap<string, string | undefined>,
  expected: number | '',
): Promise<number> {
  const { hash, channel } = familyKeys(family);
  const args: (string | number)[] = [channel, keyspace.documentSeqField.key(), expected];
  for (const [field, json] of documents) {
    const pieces = json === undefined ? [] : splitDocument(json);
    args.push(field, pieces.length, ...pieces);
  }
  return Number(await client.run(PUBLISH, [hash], args));
}
