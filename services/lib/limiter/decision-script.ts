/**
 * The one script of every decision: read each limit, check each limit, then write each limit, all or nothing.
 *
 * A limit is four pieces of Lua (`LimitSource`); minute, month and budgets are further ones. The script's time is a piece
 * too, so that a test can set it. `@weir/limiter/test/decision-model.ts` says the same in TypeScript and is held
 * against this on a real server.
 */
import { defineScript, type ValkeyScript } from '@weir/valkey';
import { bucketLimit } from './bucket-limit.ts';

/** Pieces of Lua in which `LIMIT` stands for the limit's place. */
export interface LimitSource {
  readonly name: string;
  /** Sets `available[LIMIT]` to the whole tokens there are; may set `restate`. */
  readonly read: string;
  /** Takes `taken` tokens and writes what the read phase changed. */
  readonly write: string;
  /** Sets `wait_us[LIMIT]`: how long until `cost` tokens are there; the bucket's also sets `level` and `owed_us`. */
  readonly answer: string;
}

/** Defines `now`: server time in µs. */
const SERVER_TIME = `
local server_time = redis.call('TIME')
local now = tonumber(server_time[1]) * 1000000 + tonumber(server_time[2])`;

const HEADER = `
-- Decides over every limit of one API key, all or nothing, and grants tokens ahead of need.
--
-- KEYS[1] ratelimit:{<key_id>}, a hash: tat and last_refill (us), rest, rate, tokens (for people),
--         lease:<holder> = <tokens>:<call>:<expiry us>
-- ARGV    1 rate (thousandths of a token per s)  2 burst  3 retention (ms)
--         4 cost of one request  5 count of requests waiting (0: none waits)
--         and for a caller that leases
--         6 tokens wanted ahead  7 divisor of the share  8 time of a lease (us)
--         9 holder  10 number of this call  11 tokens held and kept  12 tokens held and handed back
-- Returns { place of the first limit that refused or 0, requests admitted, tokens granted ahead, tokens kept,
--         level, debt (us), wait until another request fits (us) }; a place of -1: overtaken by a later call
-- Complexity O(holders of a lease on this key)
--
-- Admitted requests are spent here and now. What is granted ahead, and what was held and is kept, is the holder's
-- liability until the lease ends. A call number makes repeats and late executions harmless.`;

const READ_LEASES = `
local TOKEN = 1000000000
local retention_ms, cost, count = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local ahead, divisor, lease_us = tonumber(ARGV[6] or 0), tonumber(ARGV[7] or 1), tonumber(ARGV[8] or 0)
local own, call = ARGV[9] and 'lease:' .. ARGV[9], tonumber(ARGV[10] or 0)
local held, returned = tonumber(ARGV[11] or 0), tonumber(ARGV[12] or 0)
local available, wait_us, restate = {}, {}, false

-- Read: the hash, and the leases that are out.
local state, leases = {}, {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if string.sub(name, 1, 6) == 'lease:' then
    local tokens, number, expiry = string.match(value, '^(%d+):(%d+):(%d+)$')
    leases[name] = { tokens = tonumber(tokens), call = tonumber(number), expiry = tonumber(expiry) }
  else
    state[name] = value
  end
end

-- When the server's clock went back, every stored instant goes back with it: no time has passed.
local stepped_back = math.max(0, (tonumber(state.last_refill) or now) - now)
if stepped_back > 0 then restate = true end

local leased, kept, ended, mine = 0, 0, {}, nil
for name, lease in pairs(leases) do
  lease.expiry = lease.expiry - stepped_back
  if lease.expiry <= now then
    ended[#ended + 1] = name
  else
    leased = leased + lease.tokens
    if name == own then mine = lease end
  end
end
if mine and mine.call >= call then return { -1, 0, 0, 0, 0, 0, 0 } end
if mine then
  kept = math.min(held, mine.tokens)
  returned = math.min(returned, mine.tokens - kept)
else
  returned = 0
end`;

const CHECK = `
-- Check: how many requests fit into every limit, and how much may be granted ahead of them.
local admitted, refused_by = count, 0
for i = 1, #available do
  local fit = math.floor(available[i] / cost)
  if fit < math.max(count, 1) and refused_by == 0 then refused_by = i end
  admitted = math.min(admitted, fit)
end
local granted = admitted == count and ahead or 0
for i = 1, #available do
  local left = available[i] - admitted * cost
  local share = math.max(count == 0 and 1 or 0, math.floor(left / divisor))
  granted = math.min(granted, share, left)
end
local taken = admitted * cost + granted`;

const WRITE_LEASES = `
-- A refusal writes nothing, unless what is stored has to be restated.
local settles = taken > 0 or returned > 0
if settles or restate then
  if #ended > 0 then redis.call('HDEL', KEYS[1], unpack(ended)) end
  if stepped_back > 0 then
    for name, lease in pairs(leases) do
      if lease.expiry > now then
        redis.call('HSET', KEYS[1], name, string.format('%d:%d:%.0f', lease.tokens, lease.call, lease.expiry))
      end
    end
  end
  if settles and own then
    if granted + kept > 0 then
      redis.call('HSET', KEYS[1], own, string.format('%d:%d:%.0f', granted + kept, call, now + lease_us))
    elseif mine then
      redis.call('HDEL', KEYS[1], own)
    end
  end`;

const ANSWER = `
return { refused_by, admitted, granted, settles and kept or 0, level, owed_us, longest_wait_us }`;

/** The script over the given limits, in the order in which they are checked. */
export function decisionSource(time: string, limits: readonly LimitSource[]): string {
  const place = (lua: string, index: number): string => lua.replaceAll('LIMIT', String(index + 1));
  const pieces = (phase: 'read' | 'write' | 'answer'): string =>
    limits.map((limit, index) => `-- ${limit.name}${place(limit[phase], index)}`).join('\n');
  return [
    HEADER,
    time,
    READ_LEASES,
    pieces('read'),
    CHECK,
    WRITE_LEASES,
    pieces('write'),
    'end',
    pieces('answer'),
    'local longest_wait_us = math.max(unpack(wait_us))',
    ANSWER,
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
