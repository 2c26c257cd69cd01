/**
 * The one script of every provider quota: what is left, who may take it, what is out on lease, who is blocked.
 *
 * Everything is an integer below 2^53, in whole ms of server time. The debt of a `Smooth` quota is kept in units of which
 * one point has as many as there are ms to its refill, so that a ms pays a whole number of them and nothing is rounded.
 * `docs/limiter.md` has the bound and its proof.
 */
import { defineScript, type ValkeyScript } from '@weir/valkey';
import type { ProviderQuota } from './provider-quotas.ts';

const HEADER = `
-- Takes points from the quota of one provider, which all processes share.
--
-- KEYS[1] ratelimit:<provider>:global, a hash: points, expire (ms), type, limit, window (ms), configured, limit_at,
--         debt, at (ms), blocked_until (ms), lease:<holder> = <points>:<call>:<expiry ms>
-- ARGV    1 points  2 window (ms)  3 Smooth or Fixed  4 whether somebody has configured that (0, 1)
--         5 cost of one request  6 count of requests waiting  7 background (0, 1)
--         8 points wanted ahead  9 divisor of the share  10 holder  11 number of this call
--         12 points held and kept  13 points held and handed back
--         14 points admitted while Valkey was away  15 points told last, or -1  16 expire told last  17 block for (ms)
-- Returns { requests admitted, points granted ahead, points kept, points left, reserve, wait (ms), blocked for (ms),
--         time of a lease (ms), expire, expire - now, limit, window, type (0 Smooth, 1 Fixed) }; the first is -1: overtaken
-- Complexity O(holders of a lease on this quota); two to five commands
local valkey, floor, ceil, max, min = redis.call, math.floor, math.ceil, math.max, math.min
local LEASE_MS_MAX, LEASE_MS_MIN = 250, 20`;

/** Defines `now`: server time in ms. */
const SERVER_TIME = `
local server_time = redis.call('TIME')
local now = server_time[1] * 1000 + floor(server_time[2] / 1000)`;

const BODY = `
local key = KEYS[1]
local quota = { points = tonumber(ARGV[1]), window = tonumber(ARGV[2]), type = ARGV[3], rank = tonumber(ARGV[4]) }
local cost, count, is_background = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local ahead, divisor = tonumber(ARGV[8]), tonumber(ARGV[9])
local own, call, held, returned = 'lease:' .. ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local owed, told_points, told_expire, block_ms =
  tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16]), tonumber(ARGV[17])

-- What a quota means: the most that is there at once, what a ms pays, units of a point, what background leaves.
local function terms(of)
  if of.type == 'Fixed' then return of.points, 0, 1, floor(of.points / 5) end
  local burst = max(1, floor(of.points / 10))
  -- A little longer than the window: what is admitted does not reach the provider after equal times.
  local unit = of.window + min(1000, ceil(of.window / 20))
  return burst, max(1, of.points - burst), unit, floor(burst / 5)
end

-- Read: the hash, and the leases that are out.
local stored, debt, at, expire, blocked_until, limit_at, leases = nil, 0, now, 0, 0, now, {}
local fields = valkey('HGETALL', key)
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  stored = stored or {}
  if name == 'debt' then debt = tonumber(value)
  elseif name == 'at' then at = tonumber(value)
  elseif name == 'expire' then expire = tonumber(value)
  elseif name == 'blocked_until' then blocked_until = tonumber(value)
  elseif name == 'limit_at' then limit_at = tonumber(value)
  elseif name == 'limit' then stored.points = tonumber(value)
  elseif name == 'window' then stored.window = tonumber(value)
  elseif name == 'type' then stored.type = value
  elseif name == 'configured' then stored.rank = tonumber(value)
  elseif name ~= 'points' then
    local points, number, expiry = string.match(value, '^(%d+):(%d+):(%d+)$')
    leases[name] = { points = tonumber(points), call = tonumber(number), expiry = tonumber(expiry) }
  end
end

-- When the server's clock went back, every stored instant goes back with it: no time has passed.
local stepped_back = max(0, at - now)
at, expire, blocked_until, limit_at = at - stepped_back, expire - stepped_back, blocked_until - stepped_back, limit_at - stepped_back

local leased, kept, ended, mine, changed = 0, 0, {}, nil, stepped_back > 0
for name, lease in pairs(leases) do
  lease.expiry = lease.expiry - stepped_back
  if lease.expiry <= now then
    ended[#ended + 1] = name
  else
    leased = leased + lease.points
    if name == own then mine = lease end
  end
end
if mine then
  if mine.call >= call then return { -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } end
  kept = min(held, mine.points)
  returned = min(returned, mine.points - kept)
else
  returned = 0
end

-- The debt as it is now, by the terms under which it was made.
local window_end = 0
if stored then
  local burst, gain, unit = terms(stored)
  if stored.type == 'Fixed' then
    if now < expire then window_end = expire else debt = 0 end
  else
    debt = max(0, debt - (now - at) * gain)
    -- The escrow clamp: refill never rebuilds what somebody may still spend; and as of every instant at which a lease
    -- ended, with what was out just before, since nobody looked while time passed.
    debt = max(debt, leased * unit)
    for _, name in ipairs(ended) do
      local expiry, leased_then = leases[name].expiry, 0
      for _, lease in pairs(leases) do
        if lease.expiry >= expiry then leased_then = leased_then + lease.points end
      end
      debt = max(debt, leased_then * unit - (now - expiry) * gain)
    end
  end
  debt = max(0, debt - returned * unit)

  -- Of several quotas the one with fewest points per time holds, for as long as somebody who has it has called within
  -- two windows; what is configured goes before what nobody has configured, and never gives way to that.
  local here, there = quota.points * stored.window, stored.points * quota.window
  local is_lower = quota.rank > stored.rank
  if quota.rank == stored.rank then
    is_lower = here < there or (here == there and (quota.points < stored.points
      or (quota.points == stored.points and (quota.type == 'Smooth' or stored.type == 'Fixed'))))
  end
  if not is_lower and (quota.rank < stored.rank or now - limit_at <= 2 * stored.window) then
    quota = stored
  else
    if now - limit_at >= 1000 then changed = true end
    limit_at = now
    if quota.type ~= stored.type or quota.points ~= stored.points or quota.window ~= stored.window then
      changed = true
      local _, _, new_unit = terms(quota)
      debt = ceil(debt / unit) * new_unit
      if quota.type == 'Fixed' and window_end > now + quota.window then window_end = now + quota.window end
    end
    if quota.rank ~= stored.rank then changed = true end
  end
end
local burst, gain, unit, reserve = terms(quota)

-- What a process knows better than this server does: it was away, or is another one than before.
if told_points >= 0 or owed > 0 then
  changed = true
  if quota.type == 'Fixed' then
    if told_points >= 0 and told_expire > now and (window_end == 0 or window_end == told_expire) then
      window_end = min(told_expire, now + quota.window)
      debt = max(debt, burst - min(burst, told_points))
    end
  elseif told_points >= 0 then
    debt = max(debt, min(burst * unit, (told_expire - now) * gain))
  end
  debt = min(debt + owed * unit, (burst + quota.points) * unit)
end
if quota.type == 'Fixed' and window_end <= now then window_end = now + quota.window end
if block_ms > 0 and now + block_ms > blocked_until then
  blocked_until, changed = now + block_ms, true
end

-- How much there is for this class, and for how long a lease may be.
local lease_ms = LEASE_MS_MAX
local ahead_max = burst
if quota.type == 'Fixed' then
  lease_ms = min(lease_ms, window_end - now)
else
  lease_ms = min(lease_ms, floor(burst * unit / (4 * gain)))
  ahead_max = floor(gain * lease_ms / unit)
end
if lease_ms < LEASE_MS_MIN then lease_ms = 0 end
local kept_back = is_background and reserve or 0
local available = max(0, floor((burst * unit - debt) / unit) - kept_back)
local is_blocked = blocked_until > now
local admitted = is_blocked and 0 or min(count, floor(available / cost))
local granted = 0
if not is_blocked and admitted == count and lease_ms > 0 and ahead > 0 then
  local left = available - admitted * cost
  granted = min(ahead, ahead_max, max(count == 0 and 1 or 0, floor(left / divisor)), left)
end
local taken = admitted * cost + granted

-- A refusal writes nothing, unless what is stored has to be restated.
local settles = taken > 0 or returned > 0
debt = debt + taken * unit
local expires = window_end
if quota.type == 'Smooth' then expires = now + ceil(debt / gain) end
local left = max(0, floor((burst * unit - debt) / unit))
if settles or changed then
  if #ended > 0 then valkey('HDEL', key, unpack(ended)) end
  if stepped_back > 0 then
    for name, lease in pairs(leases) do
      if lease.expiry > now then
        valkey('HSET', key, name, string.format('%d:%d:%.0f', lease.points, lease.call, lease.expiry))
      end
    end
  end
  if settles and granted + kept > 0 then
    valkey('HSET', key, own, string.format('%d:%d:%.0f', granted + kept, call, now + lease_ms))
  elseif settles and mine then
    valkey('HDEL', key, own)
  end
  valkey('HSET', key, 'points', left, 'expire', string.format('%.0f', expires), 'type', quota.type,
    'limit', string.format('%.0f', quota.points), 'window', string.format('%.0f', quota.window),
    'configured', quota.rank, 'limit_at', string.format('%.0f', limit_at),
    'debt', string.format('%.0f', debt), 'at', string.format('%.0f', now))
  if is_blocked then
    valkey('HSET', key, 'blocked_until', string.format('%.0f', blocked_until))
  elseif blocked_until > 0 then
    valkey('HDEL', key, 'blocked_until')
  end
  valkey('PEXPIRE', key, max(2 * quota.window, blocked_until - now, expires - now))
end

-- -1: more than there ever is.
local wait_ms = -1
if cost + kept_back <= burst then
  if quota.type == 'Fixed' then wait_ms = window_end - now
  else wait_ms = max(0, ceil((debt - (burst - kept_back - cost) * unit) / gain)) end
end
return { admitted, granted, settles and kept or 0, left, reserve, wait_ms, max(0, blocked_until - now), lease_ms,
  expires, expires - now, quota.points, quota.window, quota.type == 'Fixed' and 1 or 0 }`;

/** The script with its time from elsewhere than the server, for tests. */
export function providerSource(time: string): string {
  return [HEADER, time, BODY].join('\n');
}

export const providerScript: ValkeyScript = defineScript('provider-quota', providerSource(SERVER_TIME), 1);

/** What the script answers, in its order. */
export interface ProviderReply {
  readonly admitted: number;
  readonly granted: number;
  readonly kept: number;
  readonly level: number;
  /** Points that background leaves to interactive. */
  readonly reserve: number;
  /** `undefined`: never, since it is more than there ever is at once. */
  readonly waitMs: number | undefined;
  readonly blockedMs: number;
  readonly leaseMs: number;
  readonly expire: number;
  readonly expireInMs: number;
  /** The quota that holds, which may be another process's. */
  readonly quota: ProviderQuota;
}

/** Throws TypeError for anything but an answer of the script to a call that nobody has overtaken. */
export function readProviderReply(value: unknown): ProviderReply {
  if (!Array.isArray(value) || value.length !== 13 || !value.every((item) => Number.isSafeInteger(item)))
    throw new TypeError('the provider script answered something else than thirteen integers');
  // Thirteen safe integers: just checked.
  const [admitted, granted, kept, level, reserve, waitMs, blockedMs, leaseMs, expire, expireInMs, ...rest] =
    value as ReplyTuple;
  if (admitted < 0) throw new TypeError('the provider script was overtaken by a later call of this process');
  const [points, durationMs, type] = rest;
  return {
    admitted,
    granted,
    kept,
    level,
    reserve,
    waitMs: waitMs < 0 ? undefined : waitMs,
    blockedMs,
    leaseMs,
    expire,
    expireInMs,
    quota: { points, durationMs, window: type === 1 ? 'Fixed' : 'Smooth' },
  };
}

type ReplyTuple = [
  ...[number, number, number, number, number, number, number, number, number, number],
  ...[number, number, number],
];
