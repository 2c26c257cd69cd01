/**
 * The token bucket as a limit of the decision script: GCRA on server time, with room kept for what is out on lease.
 *
 * The bucket's state is one debt, kept exactly: `tat` is the instant (µs) at which it is paid, `rest` the part of it, in
 * thousand-millionths of a token, that is no whole microsecond. With the rate in thousandths of a token per second a
 * microsecond pays `rate` thousand-millionths, so every step is integer arithmetic below 2^53 and neither a token nor
 * a microsecond is ever rounded away.
 */
import type { LimitSource } from './decision-script.ts';

export const bucketLimit: LimitSource = {
  name: 'bucket',
  read: `
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local old_rate = tonumber(state.rate) or rate
local old_rest = tonumber(state.rest) or 0
local debt = math.max(0, ((tonumber(state.tat) or now) - stepped_back - now) * old_rate + old_rest)
if old_rate ~= rate then restate = true end

-- The escrow clamp. Plain GCRA would let the debt shrink to nothing; it stops at what is out on lease, so that refill
-- never rebuilds a token which somebody may still spend. Nobody looked while time passed, so the clamp is also applied
-- as of every instant at which a lease ended, with what was out just before.
debt = math.max(debt, leased * TOKEN)
for _, name in ipairs(ended) do
  local expiry, leased_then = leases[name].expiry, 0
  for _, lease in pairs(leases) do
    if lease.expiry >= expiry then leased_then = leased_then + lease.tokens end
  end
  debt = math.max(debt, leased_then * TOKEN - (now - expiry) * old_rate)
end

-- Settle: what the caller hands back unspent is owed no more.
debt = math.max(0, debt - returned * TOKEN)
available[LIMIT] = math.max(0, math.floor((burst * TOKEN - debt) / TOKEN))
`,
  write: `
debt = debt + taken * TOKEN
local tat = now + math.floor(debt / rate)
local rest = debt - (tat - now) * rate
redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', tat), 'last_refill', string.format('%.0f', now),
  'tokens', math.max(0, math.floor((burst * TOKEN - debt) / TOKEN)))
if not state.rate or old_rate ~= rate then redis.call('HSET', KEYS[1], 'rate', rate) end
if rest ~= old_rest then redis.call('HSET', KEYS[1], 'rest', rest) end
redis.call('PEXPIRE', KEYS[1], math.max(retention_ms, math.ceil((debt / rate + lease_us) / 1000)))
`,
  answer: `
local level = math.max(0, math.floor((burst * TOKEN - debt) / TOKEN))
local owed_us = math.ceil(debt / rate)
wait_us[LIMIT] = math.max(0, math.ceil((debt - (burst - cost) * TOKEN) / rate))
`,
};
