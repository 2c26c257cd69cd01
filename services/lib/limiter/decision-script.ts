/**
 * The one script of every decision: read each limit, check each limit, then write each limit, all or nothing.
 *
 * A limit is three pieces of Lua (`LimitSource`); minute, month and budgets are further ones. The script's time is a
 * piece too, so that a test can set it. The test's `decision-model.ts` says the same in TypeScript and is held against
 * this on a real server. Valkey runs scripts on one thread, so what a call costs there is a limit of the whole cluster:
 * hence locals instead of tables, and nothing done for leases where there are none.
 */
import { defineScript, type ValkeyScript } from '@weir/valkey';
import { bucketLimit } from './bucket-limit.ts';

/** Pieces of Lua in which `LIMIT` stands for the limit's place. */
export interface LimitSource {
  readonly name: string;
  /** Sets `available_LIMIT`, the whole tokens there are, and `restate_LIMIT`: a refusal has to write as well. */
  readonly read: string;
  /** Takes `taken` tokens and writes what the read phase changed. */
  readonly write: string;
  /** Sets `wait_us_LIMIT`: how long until `cost` tokens are there; the bucket's also sets `level` and `owed_us`. */
  readonly answer: string;
}

/** Defines `now`: server time in µs. */
const SERVER_TIME = `
local server_time = redis.call('TIME')
local now = server_time[1] * 1000000 + server_time[2]`;

const HEADER = `
-- Decides over every limit of one API key, all or nothing, and grants tokens ahead of need.
--
-- KEYS[1] ratelimit:{<key_id>}, a hash: tat and last_refill (us), rest, rate, tokens (for people),
--         lease:<holder> = <tokens>:<call>:<expiry us>
-- ARGV    1 rate (thousandths of a token per s)  2 burst  3 retention (ms)
--         4 cost of one request (0: looks, and takes nothing)  5 count of requests waiting (0: none waits)
--         and for a caller that leases
--         6 tokens wanted ahead  7 divisor of the share  8 time of a lease (us)
--         9 holder  10 number of this call  11 tokens held and kept  12 tokens held and handed back
-- Returns { place of the first limit that refused or 0, requests admitted, tokens granted ahead, tokens kept,
--         level, debt (us), wait until another request fits (us) }; a place of -1: overtaken by a later call
-- Complexity O(holders of a lease on this key); two to six commands
--
-- Admitted requests are spent here and now. What is granted ahead, and what was held and is kept, is the holder's
-- liability until the lease ends. A call number makes repeats and late executions harmless.
local valkey, floor, ceil, max, min = redis.call, math.floor, math.ceil, math.max, math.min
local TOKEN, TTL_STEP_US = 1000000000, 30000000`;

const READ_HASH = `
local key, retention_ms, cost, count = KEYS[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local ahead, divisor, lease_us, call, held, returned, own = 0, 1, 0, 0, 0, 0, nil
if ARGV[6] then
  ahead, divisor, lease_us = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
  own, call, held, returned = 'lease:' .. ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
end

-- Read: the hash, and the leases that are out.
local tat, old_rate, old_rest, last_refill, leases = nil, 0, 0, now, nil
local fields = valkey('HGETALL', key)
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'tat' then tat = tonumber(value)
  elseif name == 'last_refill' then last_refill = tonumber(value)
  elseif name == 'rate' then old_rate = tonumber(value)
  elseif name == 'rest' then old_rest = tonumber(value)
  elseif name ~= 'tokens' then
    local tokens, number, expiry = string.match(value, '^(%d+):(%d+):(%d+)$')
    leases = leases or {}
    leases[name] = { tokens = tonumber(tokens), call = tonumber(number), expiry = tonumber(expiry) }
  end
end

-- When the server's clock went back, every stored instant goes back with it: no time has passed.
local stepped_back = max(0, last_refill - now)

local leased, kept, ended, mine = 0, 0, nil, nil
if leases then
  ended = {}
  for name, lease in pairs(leases) do
    lease.expiry = lease.expiry - stepped_back
    if lease.expiry <= now then
      ended[#ended + 1] = name
    else
      leased = leased + lease.tokens
      if name == own then mine = lease end
    end
  end
end
if mine then
  if mine.call >= call then return { -1, 0, 0, 0, 0, 0, 0 } end
  kept = min(held, mine.tokens)
  returned = min(returned, mine.tokens - kept)
else
  returned = 0
end`;

/** How many requests fit into every limit, and how much may be granted ahead of them. */
const checkLimits = (places: readonly number[]): string => `
-- Check: how many requests fit into every limit, and how much may be granted ahead of them.
local admitted, refused_by = count, 0
${places.map(checkOne).join('\n')}
local granted = admitted == count and ahead or 0
if granted > 0 then
${places.map(shareOne).join('\n')}
end
local taken = admitted * cost + granted`;

const checkOne = (place: number): string => `
local fit_${place} = cost > 0 and floor(available_${place} / cost) or max(count, 1)
if refused_by == 0 and fit_${place} < max(count, 1) then refused_by = ${place} end
if fit_${place} < admitted then admitted = fit_${place} end`;

const shareOne = (place: number): string => `
  local left_${place} = available_${place} - admitted * cost
  granted = min(granted, max(count == 0 and 1 or 0, floor(left_${place} / divisor)), left_${place})`;

const writeLeases = (places: readonly number[]): string => `
-- A refusal writes nothing, unless what is stored has to be restated.
local settles = taken > 0 or returned > 0
if settles or stepped_back > 0 or ${places.map((place) => `restate_${place}`).join(' or ')} then
  if leases then
    if #ended > 0 then valkey('HDEL', key, unpack(ended)) end
    if stepped_back > 0 then
      for name, lease in pairs(leases) do
        if lease.expiry > now then
          valkey('HSET', key, name, string.format('%d:%d:%.0f', lease.tokens, lease.call, lease.expiry))
        end
      end
    end
  end
  if settles and own then
    if granted + kept > 0 then
      valkey('HSET', key, own, string.format('%d:%d:%.0f', granted + kept, call, now + lease_us))
    elseif mine then
      valkey('HDEL', key, own)
    end
  end`;

const answer = (places: readonly number[]): string => `
local wait_us = max(${places.map((place) => `wait_us_${place}`).join(', ')})
return { refused_by, admitted, granted, settles and kept or 0, level, owed_us, wait_us }`;

/** The script over the given limits, in the order in which they are checked. */
export function decisionSource(time: string, limits: readonly LimitSource[]): string {
  const places = limits.map((_, index) => index + 1);
  const pieces = (phase: 'read' | 'write' | 'answer'): string =>
    limits.map((limit, index) => `-- ${limit.name}${limit[phase].replaceAll('LIMIT', String(index + 1))}`).join('\n');
  return [
    HEADER,
    time,
    READ_HASH,
    pieces('read'),
    checkLimits(places),
    writeLeases(places),
    pieces('write'),
    'end',
    pieces('answer'),
    answer(places),
  ].join('\n');
}
/** What the script answers, in its order. */
export interface DecisionReply {
  /** Place (from 1) of the first limit that refused, 0 when none did. */
  readonly refusedBy: number;
  readonly admitted: number;
  readonly granted: number;
  readonly kept: number;
  readonly level: number;
  readonly debtMs: number;
  readonly waitMs: number;
}

/** Throws TypeError for anything but an answer of the script to a call that nobody has overtaken. */
export function readDecisionReply(value: unknown): DecisionReply {
  if (!Array.isArray(value) || value.length !== 7 || !value.every((item) => Number.isSafeInteger(item)))
    throw new TypeError('the decision script answered something else than seven integers');
  // Seven safe integers: just checked.
  const [refusedBy, admitted, granted, kept, level, debtUs, waitUs] = value as ReplyTuple;
  if (refusedBy < 0) throw new TypeError('the decision script was overtaken by a later call of this process');
  return { refusedBy, admitted, granted, kept, level, debtMs: debtUs / 1_000, waitMs: waitUs / 1_000 };
}

type ReplyTuple = [number, number, number, number, number, number, number];

export const decisionScript: ValkeyScript = defineScript(
  'limiter-decide',
  decisionSource(SERVER_TIME, [bucketLimit]),
  1,
);
