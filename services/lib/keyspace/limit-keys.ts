/** What decisions stand on: buckets, windows, budgets, upstream quotas and the governor. */
import { defineFamily, type Row } from './family.ts';

const byLimiter = { writers: ['limiter lib'], readers: ['limiter lib'] } as const satisfies Partial<Row>;
const byGovernor = {
  ttl: '2 × window',
  writers: ['governor lib'],
  readers: ['governor lib'],
} as const satisfies Partial<Row>;

export const limitKeys = {
  rateLimit: defineFamily('key', 'ratelimit:{<key_id>}', {
    ...byLimiter,
    type: 'hash: tat, lease slots',
    ttl: 'max(5 min, 60 min for partner and stress; debt + τ)',
    notes: 'tokens and last_refill are derived for people',
  }),
  requestsMinute: defineFamily('key', 'rl:req:{<key_id>}:<minute>', {
    ...byLimiter,
    type: 'integer',
    ttl: '70 s from creation',
    ttlSeconds: 70,
    notes: 'fixed calendar minute, server time',
  }),
  quotaMonthly: defineFamily('key', 'quota:monthly:{<key_id>}:<month>', {
    ...byLimiter,
    type: 'integer',
    ttl: '62 d',
    ttlSeconds: 5_356_800,
    notes: 'calls of the month',
  }),
  quotaReports: defineFamily('key', 'quota:reports:{<key_id>}:<month>', {
    ...byLimiter,
    type: 'integer',
    ttl: '62 d',
    ttlSeconds: 5_356_800,
    notes: 'reports of the month',
  }),
  budgetDaily: defineFamily('key', 'budget:daily:{<key_id>}:<day>', {
    ...byLimiter,
    type: 'integer micro-dollars = posted + held',
    ttl: '2 d',
    ttlSeconds: 172_800,
    notes: 'raised at reserve',
  }),
  budgetMonthly: defineFamily('key', 'budget:monthly:{<key_id>}:<month>', {
    ...byLimiter,
    type: 'integer micro-dollars = posted + held',
    ttl: '62 d',
    ttlSeconds: 5_356_800,
    notes: 'raised at reserve',
  }),
  budgetHeld: defineFamily('key', 'budget:held:{<key_id>}', {
    ...byLimiter,
    type: 'hash day or month → held',
    ttl: '62 d',
    ttlSeconds: 5_356_800,
    notes: 'so that a denial can show used and held',
  }),
  budgetGeneration: defineFamily('key', 'budget:gen:{<key_id>}', {
    ...byLimiter,
    writers: ['limiter lib', 'sync'],
    type: 'string',
    ttl: '62 d',
    ttlSeconds: 5_356_800,
    notes: 'present: a missing counter is 0; absent: cold, reload from the ledger',
  }),
  budgetReservation: defineFamily('key', 'budget:reservation:{<key_id>}:<request_id>', {
    ...byLimiter,
    type: 'string `<amount>|<daily_key>|<monthly_key>|<state>`',
    ttl: '62 d; 24 h once ended',
    ttlSeconds: 5_356_800,
    notes: 'the *logical* expiry of 1 h (extendable) lives in `budget:holds`',
  }),
  budgetHolds: defineFamily('key', 'budget:holds:{<key_id>}', {
    ...byLimiter,
    type: 'zset request id by expiry',
    ttl: '62 d',
    ttlSeconds: 5_356_800,
    notes: 'open holds',
  }),
  slots: defineFamily('key', 'slots:{<key_id>}', {
    ...byLimiter,
    type: 'zset by expiry',
    ttl: '1 h',
    ttlSeconds: 3_600,
    notes: 'concurrency slots',
  }),
  providerQuota: defineFamily('key', 'ratelimit:<provider>:global', {
    ...byLimiter,
    type: 'hash: points, expire, quota in force, debt, blocked_until, leases',
    ttl: 'max(2 × window, remaining block)',
    notes:
      'one quota per upstream for all workers; `points` as of the last write, `expire` = refill instant (Fixed) or when full (Smooth)',
  }),
  adaptiveSuccesses: defineFamily('key', '{adaptive:<scope>}:successes', {
    ...byGovernor,
    type: 'integer',
    notes: '`lpo` = price fallback as documented (aggregate), `lpo:<venue>` acted on; `llm:<provider>` = gateway',
  }),
  adaptiveTotal: defineFamily('key', '{adaptive:<scope>}:total', {
    ...byGovernor,
    type: 'integer',
    notes: 'requests really sent',
  }),
  adaptiveThrottle: defineFamily('key', '{adaptive:<scope>}:throttle', {
    ...byGovernor,
    type: 'string',
    notes: 'throttle, with hysteresis',
  }),
  adaptiveRing: defineFamily('key', '{adaptive:<scope>}:ring', {
    ...byGovernor,
    type: 'hash',
    notes: '30 s and 10 s windows by running totals',
  }),
  adaptiveProbability: defineFamily('key', '{adaptive:<scope>}:p', {
    ...byGovernor,
    type: 'string',
    notes: 'shed probability',
  }),
  coldRequests: defineFamily('channel', 'cold:requests', {
    type: 'pub/sub',
    ttl: '–',
    writers: ['limiter lib'],
    readers: ['sync'],
    notes: 'asks for the counters of a cold key',
  }),
} as const;
