/** Usage on its way to the ledger, and the hot window of the request log. */
import { defineFamily, type Row } from './family.ts';

const byMeter = {
  writers: ['price', 'limiter', 'gateway', 'report'],
  readers: ['sync'],
} as const satisfies Partial<Row>;
const bySync = { writers: ['sync'], readers: ['report'] } as const satisfies Partial<Row>;
const usageField = {
  ...byMeter,
  type: 'field of `usage:buffer:minute:…`',
  ttl: '–',
} as const satisfies Partial<Row>;

export const usageKeys = {
  usageMinute: defineFamily('key', 'usage:buffer:minute:{<minute>}:<writer>', {
    ...byMeter,
    type: 'hash of the fields below',
    ttl: 'none until acknowledged',
    notes: 'absolute totals, written only by their owner',
  }),
  usageMinutePart: defineFamily('key', 'usage:buffer:minute:{<minute>}:<writer>:<part>', {
    ...byMeter,
    type: 'hash of the fields below',
    ttl: 'none until acknowledged',
    notes: 'the same past 10,000 fields',
  }),
  usageRequestsField: defineFamily('field', '<project_id>|<key_id>|req', { ...usageField, notes: 'requests' }),
  usageBytesField: defineFamily('field', '<project_id>|<key_id>|bytes', { ...usageField, notes: 'bytes' }),
  usageCostField: defineFamily('field', '<project_id>|<key_id>|cost', { ...usageField, notes: 'micro-dollars' }),
  usageCostOfDayField: defineFamily('field', '<project_id>|<key_id>|cost:<day>', {
    ...usageField,
    notes: 'micro-dollars, when the hold’s day differs from the minute’s',
  }),
  usageVersionField: defineFamily('field', 'v', {
    ...usageField,
    notes: 'raised by each write, from the writer’s memory',
  }),
  usageClosedField: defineFamily('field', 'closed', {
    ...usageField,
    notes: 'the writer has ended and writes no more',
  }),
  usageWriters: defineFamily('key', 'usage:writers:{<minute>}', {
    ...byMeter,
    type: 'set of writers',
    ttl: 'none',
    notes: 'found by name, never by SCAN',
  }),
  usageMinutes: defineFamily('key', 'usage:minutes', {
    ...byMeter,
    type: 'zset of minutes',
    ttl: 'none',
    notes: 'writers ZADD after each HSET, `sync` ZREMs first and re-adds if members remain',
  }),
  usageAck: defineFamily('key', 'usage:ack:<writer>', {
    type: 'hash minute → v',
    ttl: '1 d',
    ttlSeconds: 86_400,
    writers: ['sync'],
    readers: ['price', 'limiter', 'gateway', 'report'],
    notes: 'a writer forgets a minute only when the acknowledged `v` is the last one it sent',
  }),
  usageFlushLock: defineFamily('key', 'usage:buffer:flush:lock', {
    type: 'string',
    ttl: '55 s, renewed',
    ttlSeconds: 55,
    writers: ['sync'],
    readers: ['sync'],
    notes: 'saves work, guarantees nothing',
  }),
  usageLogStream: defineFamily('key', 'usage:log', {
    type: 'stream, capped',
    ttl: 'trimmed after commit',
    writers: ['price', 'gateway', 'report'],
    readers: ['sync'],
    notes: 'request log on its way to Postgres; drops are counted',
  }),
  usageLogsIndex: defineFamily('key', 'usage_logs:index', {
    ...bySync,
    type: 'zset',
    ttl: 'hot window ≤ 93 d',
    notes: 'off when a whole day does not fit its byte budget; Postgres answers the rest',
  }),
  usageLogsOfKey: defineFamily('key', 'usage_logs:api_key:<key_id>', {
    ...bySync,
    type: 'zset',
    ttl: 'hot window ≤ 93 d',
    notes: 'as `usage_logs:index`',
  }),
  usageLogsOfAsset: defineFamily('key', 'usage_logs:asset:<asset>', {
    ...bySync,
    type: 'zset',
    ttl: 'hot window ≤ 93 d',
    notes: 'as `usage_logs:index`',
  }),
  usageLog: defineFamily('key', 'usage_log:<log_id>', {
    ...bySync,
    type: 'hash',
    ttl: 'hot window ≤ 93 d',
    notes: 'one row of the request log',
  }),
  reportUsageLogsIndex: defineFamily('key', 'report_usage_logs:index', {
    ...bySync,
    type: 'zset',
    ttl: 'hot window',
    notes: '',
  }),
  reportUsageLogsOfKey: defineFamily('key', 'report_usage_logs:api_key:<key_id>', {
    ...bySync,
    type: 'zset',
    ttl: 'hot window',
    notes: '',
  }),
  reportUsageLog: defineFamily('key', 'report_usage_log:<log_id>', {
    ...bySync,
    type: 'hash',
    ttl: 'hot window',
    notes: 'one report',
  }),
  usageLogsMark: defineFamily('key', 'sync:hwm:usage_logs', {
    type: 'string ISO',
    ttl: 'none',
    writers: ['sync'],
    readers: ['sync'],
    notes: 'a copy; the marks are in Postgres',
  }),
  reportUsageLogsMark: defineFamily('key', 'sync:hwm:report_usage_logs', {
    type: 'string ISO',
    ttl: 'none',
    writers: ['sync'],
    readers: ['sync'],
    notes: 'a copy; the marks are in Postgres',
  }),
} as const;
