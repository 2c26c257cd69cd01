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
local debt = 0
if tat then debt = max(0, (tat - stepped_back - now) * old_rate + old_rest) end

if leases then
  -- The escrow clamp. Plain GCRA would let the debt shrink to nothing; it stops at what is out on lease, so that refill
  -- never rebuilds a token which somebody may still spend. Nobody looked while time passed, so the clamp is also
  -- applied as of every instant at which a lease ended, with what was out just before.
  debt = max(debt, leased * TOKEN)
  for _, name in ipairs(ended) do
    local expiry, leased_then = leases[name].expiry, 0
    for _, lease in pairs(leases) do
      if lease.expiry >= expiry then leased_then = leased_then + lease.tokens end
    end
    debt = max(debt, leased_then * TOKEN - (now - expiry) * old_rate)
  end
  -- Settle: what the caller hands back unspent is owed no more.
  debt = max(0, debt - returned * TOKEN)
end
local available_LIMIT = max(0, floor((burst * TOKEN - debt) / TOKEN))
-- A refusal under another rate than before writes too: from now on the debt is paid at this one.
local restate_LIMIT = tat and old_rate ~= rate
`,
  write: `
debt = debt + taken * TOKEN
local paid_at = now + floor(debt / rate)
local rest = debt - (paid_at - now) * rate
valkey('HSET', key, 'tat', paid_at, 'last_refill', now, 'tokens', max(0, floor((burst * TOKEN - debt) / TOKEN)))
if not tat or old_rate ~= rate then valkey('HSET', key, 'rate', rate) end
if rest ~= old_rest then valkey('HSET', key, 'rest', rest) end

-- Once in half a minute, with as much to spare, and whenever the debt outlives that.
local owed_ms = ceil((debt / rate + lease_us) / 1000)
local is_due = not tat or floor(now / TTL_STEP_US) ~= floor(last_refill / TTL_STEP_US) or stepped_back > 0
if is_due or owed_ms > retention_ms then
  valkey('PEXPIRE', key, max(retention_ms, owed_ms) + TTL_STEP_US / 1000)
end
`,
  answer: `
local level = max(0, floor((burst * TOKEN - debt) / TOKEN))
local owed_us = ceil(debt / rate)
local wait_us_LIMIT = max(0, ceil((debt - (burst - cost) * TOKEN) / rate))
`,
};
