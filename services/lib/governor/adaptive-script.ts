/** The script by which all processes share one tally per upstream: a call both tells and asks. */
import { keyspace } from '@weir/keyspace';
import { defineScript, type ValkeyScript } from '@weir/valkey';
import {
  AGGRESSION,
  CLUSTER_LAW,
  FALL_US_PER_MICRO,
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
--        throttled ones), p (millionths), flag, low, calm (us), probe (us), and 0 to ${WINDOW_S - 1}: "n:s:h" of one second
--      2 successes  3 total  4 throttle  5 p: the same for people, of the last ${WINDOW_S} s
-- ARGV 1 requests  2 successes  3 throttled, all since this process's last call  4 whether it would use a probe (1, 0)
-- Returns { now (us), p (millionths), flag, successes, total, probe granted }
-- Complexity O(seconds since the last call, ${WINDOW_S} at most)
local valkey, floor, max, min = redis.call, math.floor, math.max, math.min
local WINDOW, ONSET = ${WINDOW_S}, ${ONSET_S}`;

const READ = `
local ring = KEYS[1]
local f = valkey('HMGET', ring, 'at', 'second', 'n30', 's30', 'h30', 'n10', 's10', 'h10', 'p', 'flag', 'low', 'calm', 'probe')
for i = 1, 13 do f[i] = tonumber(f[i]) or 0 end
if f[1] - now > WINDOW * 1000000 then
  -- The clock was set back by more than is remembered.
  valkey('DEL', ring)
  for i = 1, 13 do f[i] = 0 end
end
local at, second, n30, s30, h30, n10, s10, h10 = f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8]
local p, flag, low, calm, probe = f[9], f[10], f[11], f[12], f[13]
now = max(now, at)`;

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

const JUDGE = `
local function target(n, s)
  local base = (n - s * 100 / ${CLUSTER_LAW.thresholdPercent}) / (n + 1)
  if base <= 0 then return 0 end
  return min(${SHED_MICRO_MAX}, floor(base ^ (1 / ${AGGRESSION}) * 1000000 + 0.5))
end

local aim, n, s = 0, nil, nil
if n10 >= ${CLUSTER_LAW.samplesMin} then
  aim, n, s = target(n10, s10), n10, s10
elseif n30 >= ${CLUSTER_LAW.samplesMin} then
  aim, n, s = target(n30, s30), n30, s30
  if n10 >= ${RECOVERY_SAMPLES_MIN} then
    local recent = target(n10, s10)
    if recent < aim then aim, n, s = recent, n10, s10 else aim = max(aim, min(recent, p)) end
  end
end

-- Up at once, down by 0.1 per second.
local fall = at == 0 and 0 or floor((now - at) / ${FALL_US_PER_MICRO})
p = max(aim, p - fall, 0)

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
  'probe', string.format('%.0f', probe))
valkey('PEXPIRE', ring, ttl)
valkey('SET', KEYS[2], s30, 'PX', ttl)
valkey('SET', KEYS[3], n30, 'PX', ttl)
valkey('SET', KEYS[4], flag == 1 and 'on' or 'off', 'PX', ttl)
valkey('SET', KEYS[5], string.format('%.4f', p / 1000000), 'PX', ttl)
return { now, p, flag, s30, n30, granted }`;

/** The time is a piece of its own, so that a test can set it. */
export function adaptiveSource(time: string = SERVER_TIME): string {
  return [HEADER, time, READ, ADVANCE, JUDGE, WRITE].join('\n');
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
  if (!Array.isArray(reply) || reply.length !== 6 || !reply.every((item) => Number.isSafeInteger(item)))
    throw new TypeError('the governor script answered something else than six integers');
  // Six safe integers: just checked.
  const [nowUs, shedMicro, flag, successes, total, granted] = reply as [number, number, number, number, number, number];
  return { nowUs, shedMicro, isThrottled: flag === 1, successes, total, hasProbe: granted === 1 };
}
