/** The script by which all processes share one tally per upstream: a call both tells and asks. */
import { keyspace } from '@weir/keyspace';
import { defineScript, type ValkeyScript } from '@weir/valkey';
import { CUT_PERCENT, GROWTH, RATE_MIN, SETTLE_US, SPAN_US, THROTTLED_ONE_IN } from './send-rate.ts';
import {
  AGGRESSION,
  CLUSTER_LAW,
  FALL_US_PER_MICRO,
  HOPELESS_MICRO,
  LUCK_MICRO,
  NEARLY_WELL_MICRO,
  ONSET_S,
  RECOVERY_SAMPLES_MIN,
  SHED_MICRO_MAX,
  WINDOW_S,
} from './shed-law.ts';
import type { TallyReading } from './tally.ts';

const SERVER_TIME = `
local server_time = redis.call('TIME')
local now = server_time[1] * 1000000 + server_time[2]`;

const HEADER = `
-- Adds what became of requests to one upstream, and answers what share of further ones not to send.
--
-- KEYS 1 ring, a hash: at (us of the last call), second, n30 s30 h30 n10 s10 h10 (running totals of requests, successes and
--        throttled ones), p (millionths), flag, low, calm (us), probe (us), epoch (ms at which all this began), of the rate
--        of sending rate last demand (thousandths per s), knee grown (ms), mark (us), asked sent throttled, and 0 to
--        ${WINDOW_S - 1}: "n:s:h" of one second
--      2 successes  3 total  4 throttle  5 p: the same for people, of the last ${WINDOW_S} s
-- ARGV 1 requests  2 successes  3 throttled, all since this process's last call  4 whether it would use a probe (1, 0)
--      5 requests wanted, sent or not, since then  6 epoch told last, or 0  7 p told last
-- Returns { now (us), p (millionths), flag, successes, total, probe granted, rate (thousandths per s; 0: none), epoch }
-- Complexity O(seconds since the last call, ${WINDOW_S} at most)
local valkey, floor, max, min = redis.call, math.floor, math.max, math.min
local WINDOW, ONSET = ${WINDOW_S}, ${ONSET_S}`;

const READ = `
local ring = KEYS[1]
local f = valkey('HMGET', ring, 'at', 'second', 'n30', 's30', 'h30', 'n10', 's10', 'h10', 'p', 'flag', 'low', 'calm', 'probe',
  'epoch', 'rate', 'last', 'demand', 'knee', 'grown', 'mark', 'asked', 'sent', 'throttled')
local FIELDS = 23
for i = 1, FIELDS do f[i] = tonumber(f[i]) or 0 end
if f[1] - now > WINDOW * 1000000 then
  -- The clock was set back by more than is remembered.
  valkey('DEL', ring)
  for i = 1, FIELDS do f[i] = 0 end
end
local at, second, n30, s30, h30, n10, s10, h10 = f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8]
local p, flag, low, calm, probe, epoch = f[9], f[10], f[11], f[12], f[13], f[14]
local rate, last, demand, knee, grown, mark = f[15], f[16], f[17], f[18], f[19], f[20]
local asked, sent, throttled = f[21], f[22], f[23]
now = max(now, at)
if epoch == 0 then epoch = floor(now / 1000) end`;

const ADVANCE = `
local function slot(place)
  local text = valkey('HGET', ring, place)
  if not text then return nil end
  local n, s, h = string.match(text, '^(%d+):(%d+):(%d+)$')
  return tonumber(n), tonumber(s), tonumber(h)
end

-- Expired seconds leave the running totals; the ring is never summed up.
local current = floor(now / 1000000)
if current - second >= WINDOW then
  valkey('DEL', ring)
  n30, s30, h30, n10, s10, h10 = 0, 0, 0, 0, 0, 0
else
  for t = second + 1, current do
    local n, s, h = slot(t % WINDOW)
    if n then
      n30, s30, h30 = n30 - n, s30 - s, h30 - h
      valkey('HDEL', ring, t % WINDOW)
    end
    n, s, h = slot((t - ONSET) % WINDOW)
    if n then n10, s10, h10 = n10 - n, s10 - s, h10 - h end
  end
end

local dn, ds, dh = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if dn > 0 then
  local n, s, h = slot(current % WINDOW)
  valkey('HSET', ring, current % WINDOW, string.format('%d:%d:%d', (n or 0) + dn, (s or 0) + ds, (h or 0) + dh))
  n30, s30, h30, n10, s10, h10 = n30 + dn, s30 + ds, h30 + dh, n10 + dn, s10 + ds, h10 + dh
end`;

const PACE = `
-- What was asked and sent, by spans; too many throttled ones cut the rate of sending, which grows again while it is used.
if mark == 0 then mark = now end
if now >= mark then asked, sent, throttled = asked + tonumber(ARGV[5]), sent + dn, throttled + dh end
local span = now - mark
if span >= ${SPAN_US} then
  demand = floor(asked * 1000000000 / span)
  local pace = floor(sent * 1000000000 / span)
  mark = now
  if n30 >= ${CLUSTER_LAW.samplesMin} and throttled * ${THROTTLED_ONE_IN} > sent then
    last = max(${RATE_MIN}, pace)
    rate = max(${RATE_MIN}, floor(last * ${CUT_PERCENT} / 100))
    local depth = last / 1000 * (1 - ${CUT_PERCENT} / 100)
    knee = floor((depth / ${GROWTH}) ^ (1 / 3) * 1000 + 0.5)
    grown, mark = 0, now + ${SETTLE_US}
  elseif rate > 0 and pace * 2 > rate then
    grown = grown + floor(span / 1000)
    local t = grown - knee
    rate = max(rate, last + floor(${GROWTH} * t * t * t / 1000000))
    if rate >= 2 * max(last, demand) then rate = 0 end
  end
  asked, sent, throttled = 0, 0, 0
end`;

const JUDGE = `
local function target(n, s)
  local base = (n - s * 100 / ${CLUSTER_LAW.thresholdPercent}) / (n + 1)
  if base <= 0 then return 0 end
  return min(${SHED_MICRO_MAX}, floor(base ^ (1 / ${AGGRESSION}) * 1000000 + 0.5))
end

-- Nobody has asked for so long that nothing is known.
if at > 0 and now - at >= WINDOW * 1000000 then p = 0 end

-- The last 10 s are another time than the 20 s before: more succeed than by chance.
local n20, s20, is_better = n30 - n10, s30 - s10, false
if n20 >= ${RECOVERY_SAMPLES_MIN} then
  is_better = (s20 == 0 and n20 >= ${2 * RECOVERY_SAMPLES_MIN} and s10 >= 2) or (s10 * n20 - s20 * n10) * 5 >= 2 * n10 * n20
end

-- While something is shed, chance alone moves it neither way; an upstream that is well, fails wholly or has changed does.
local function follow(micro, total, better)
  if p == 0 or micro == 0 or micro >= ${HOPELESS_MICRO} then return micro end
  local luck = floor(${LUCK_MICRO} * math.sqrt(min(1, 20 / total)))
  if micro > p then return max(p, micro - luck) end
  if not better then return min(p, micro + luck) end
  return micro <= ${NEARLY_WELL_MICRO} and 0 or micro
end

local aim, n, s = 0, nil, nil
if n10 >= ${CLUSTER_LAW.samplesMin} then
  aim, n, s = follow(target(n10, s10), n10, is_better), n10, s10
elseif n30 >= ${CLUSTER_LAW.samplesMin} or p > 0 then
  if n30 >= ${CLUSTER_LAW.samplesMin} then aim, n, s = follow(target(n30, s30), n30, false), n30, s30
  elseif n30 == 0 or s30 < n30 then aim = p end
  if n10 >= ${RECOVERY_SAMPLES_MIN} then
    local few = target(n10, s10)
    local recent = follow(few, n10, is_better)
    if recent < aim and recent <= p then aim, n, s = recent, n10, s10 else aim = max(aim, min(few, p)) end
  end
end

if rate > 0 and demand > rate then
  aim = max(aim, min(${SHED_MICRO_MAX}, 1000000 - floor(rate * 1000000 / demand)))
end

-- Up at once, down by 0.1 per second.
local fall = at == 0 and 0 or floor((now - at) / ${FALL_US_PER_MICRO})
p = max(aim, p - fall, 0)
-- A state that was lost goes on from what processes were told of it.
if tonumber(ARGV[6]) > 0 and tonumber(ARGV[6]) ~= epoch then p = max(p, min(${SHED_MICRO_MAX}, tonumber(ARGV[7]))) end

if n and s * 100 < n * 90 then low = min(2, low + 1) else low = 0 end
if low == 2 then flag = 1 end
if flag == 0 or p > 0 or (n and s * 100 <= n * 97) then calm = 0
elseif calm == 0 then calm = now end
if calm > 0 and now - calm >= 5000000 then flag, calm = 0, 0 end

local granted = 0
if ARGV[4] == '1' and p > 0 and now - probe >= 1000000 then granted, probe = 1, now end`;

const WRITE = `
local ttl = 2 * WINDOW * 1000
valkey('HSET', ring, 'at', string.format('%.0f', now), 'second', string.format('%.0f', current), 'n30', n30, 's30', s30,
  'h30', h30, 'n10', n10, 's10', s10, 'h10', h10, 'p', p, 'flag', flag, 'low', low, 'calm', string.format('%.0f', calm),
  'probe', string.format('%.0f', probe), 'epoch', string.format('%.0f', epoch), 'rate', string.format('%.0f', rate),
  'last', string.format('%.0f', last), 'demand', string.format('%.0f', demand), 'knee', knee,
  'grown', string.format('%.0f', grown), 'mark', string.format('%.0f', mark), 'asked', asked, 'sent', sent,
  'throttled', throttled)
valkey('PEXPIRE', ring, ttl)
valkey('SET', KEYS[2], s30, 'PX', ttl)
valkey('SET', KEYS[3], n30, 'PX', ttl)
valkey('SET', KEYS[4], flag == 1 and 'on' or 'off', 'PX', ttl)
valkey('SET', KEYS[5], string.format('%.4f', p / 1000000), 'PX', ttl)
return { now, p, flag, s30, n30, granted, rate, epoch }`;

/** The time is a piece of its own, so that a test can set it. */
export function adaptiveSource(time: string = SERVER_TIME): string {
  return [HEADER, time, READ, ADVANCE, PACE, JUDGE, WRITE].join('\n');
}

export const adaptiveScript: ValkeyScript = defineScript('governor-agree', adaptiveSource(), 5);

/** The keys of a scope in the script's order; all in one slot. */
export function adaptiveKeys(scope: string): readonly string[] {
  const { adaptiveRing, adaptiveSuccesses, adaptiveTotal, adaptiveThrottle, adaptiveProbability } = keyspace;
  return [adaptiveRing, adaptiveSuccesses, adaptiveTotal, adaptiveThrottle, adaptiveProbability].map((family) =>
    family.key({ scope }),
  );
}

/** Throws TypeError for anything but an answer of the script. */
export function readAdaptiveReply(reply: unknown): TallyReading {
  if (!Array.isArray(reply) || reply.length !== 8 || !reply.every((item) => Number.isSafeInteger(item)))
    throw new TypeError('the governor script answered something else than eight integers');
  // Eight safe integers: just checked.
  const [nowUs, shedMicro, flag, successes, total, granted, sendRate, epochMs] = reply as ReplyTuple;
  return { nowUs, shedMicro, isThrottled: flag === 1, successes, total, hasProbe: granted === 1, sendRate, epochMs };
}

type ReplyTuple = [number, number, number, number, number, number, number, number];
