import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { systemClock } from '@weir/clock';
import { silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { publishDocuments, watchDocuments, type Valkey } from '../index.ts';
import { connectTo } from './connect.ts';

const PAGE = resolve(import.meta.dirname, '../../../../docs/valkey.md');

let server: TestValkey;
let admin: Valkey;

/** The users as the page lists them, one a line. */
function usersOfPage(): readonly (readonly string[])[] {
  const block = /```acl\n(.*?)```/s.exec(readFileSync(PAGE, 'utf8'))?.[1] ?? '';
  return block
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
}

beforeAll(async () => {
  server = await startTestValkey();
  admin = connectTo(server);
  await admin.ready();
  for (const [name = '', ...rules] of usersOfPage()) {
    await admin.bulk.call('ACL', 'SETUSER', name, 'reset', 'on', '>secret', ...rules);
  }
});

afterAll(async () => {
  await admin.close();
  await server.stop();
});

test('the page lists the users', () => {
  expect(usersOfPage().map(([name]) => name)).toEqual(['feed', 'price', 'operator']);
});

test.each([
  ['feed', 'SET price:BTC 1'],
  ['feed', 'SET feed:status:weir/majors 1'],
  ['feed', 'HMGET feeds #seq weir/majors'],
  ['feed', 'PUBLISH price:updates x'],
  ['feed', 'SET cluster:stats:majors-0 1 EX 30'],
  ['feed', 'ZADD cluster:nodes 1 feed:majors-0'],
  ['feed', 'ZREMRANGEBYSCORE cluster:nodes -inf 1'],
  ['feed', 'ZRANGE cluster:nodes 1 +inf BYSCORE'],
  ['feed', 'ZREM cluster:nodes feed:majors-0'],
  ['feed', 'HGETALL app:config'],
  ['feed', 'HSET {adaptive:lpo:coinbase}:ring at 1'],
  ['feed', 'SET {adaptive:lpo}:p 0 PX 60000'],
  ['feed', 'HGETALL ratelimit:kraken:global'],
  ['feed', 'HSET ratelimit:kraken:global points 1'],
  ['feed', 'HDEL ratelimit:kraken:global blocked_until'],
  ['feed', 'PEXPIRE ratelimit:kraken:global 1000'],
  // What venues list.
  ['feed', 'HGETALL venue:instruments:kraken'],
  ['feed', 'PTTL venue:instruments:kraken'],
  ['feed', 'DEL venue:instruments:kraken'],
  ['feed', 'HSET venue:instruments:kraken BTC-USD BTC/USD'],
  ['feed', 'PEXPIRE venue:instruments:kraken 1000'],
  ['price', 'PTTL venue:instruments:kraken'],
  ['price', 'GET price:BTC'],
  ['price', 'HGETALL app:config'],
  ['price', 'HDEL {adaptive:lpo:coinbase}:ring 7'],
  ['price', 'MGET {adaptive:lpo:coinbase}:p {adaptive:lpo:coinbase}:total'],
  // What it fetches itself.
  ['price', 'SET price:BTC 1'],
  ['price', 'SET fetch:lock:BTC token NX PX 2000'],
  ['price', 'DEL fetch:lock:BTC'],
  ['price', 'SET fetch:none:XYZ 1 PX 5000'],
  ['price', 'HSET venue:instruments:coinbase BTC-USD BTC-USD'],
  ['price', 'HSET ratelimit:{k} tat 1'],
  // Sessions over UDP, and slots of streams.
  ['price', 'HSET udp:session:x key_id k'],
  ['price', 'PEXPIRE udp:session:x 1000'],
  ['price', 'HGETALL udp:session:x'],
  ['price', 'DEL udp:session:x'],
  ['price', 'ZADD udp:sessions:{k} 1 m'],
  ['price', 'ZCARD udp:sessions:{k}'],
  ['price', 'ZRANGE udp:sessions:{k} 0 0'],
  ['price', 'ZREM udp:sessions:{k} m'],
  ['price', 'ZREMRANGEBYSCORE udp:sessions:{k} -inf 1'],
  ['price', 'PEXPIRE udp:sessions:{k} 1000'],
  ['price', 'ZADD slots:{k} 1 m'],
  ['price', 'ZCARD slots:{k}'],
  ['price', 'ZSCORE slots:{k} m'],
  ['price', 'ZREM slots:{k} m'],
  ['price', 'ZREMRANGEBYSCORE slots:{k} -inf 1'],
  ['price', 'PEXPIRE slots:{k} 1000'],
  ['price', 'HDEL ratelimit:kraken:global blocked_until'],
  ['price', 'HGETALL policies'],
  ['price', 'ZADD cluster:nodes 1 price:a'],
  ['operator', 'HSET policies weir/free 1'],
  ['operator', 'HSET apikey:0 id 1'],
  ['operator', 'GET feed:status:weir/majors'],
  ['operator', 'GET feed:lease:weir/majors'],
  ['operator', 'DEL price:BTC'],
  // What is left of a feed that was deleted.
  ['operator', 'DEL feed:status:weir/majors'],
  ['operator', 'GET cluster:stats:price-0'],
  ['operator', 'SET cluster:stats:operator-0 1 EX 30'],
  ['operator', 'ZADD cluster:nodes 1 operator:a'],
])('%s may %s', async (user, command) => {
  expect(await admin.bulk.call('ACL', 'DRYRUN', user, ...command.split(' '))).toBe('OK');
});

test.each([
  ['feed', 'HSET feeds weir/majors 1'],
  ['feed', 'HGETALL apikey:0'],
  ['feed', 'HSET ratelimit:{k} tat 1'],
  ['feed', 'HSET app:config adaptive_max_concurrent 8'],
  ['feed', 'FLUSHALL'],
  ['feed', 'CONFIG GET maxmemory-policy'],
  ['price', 'HSET policies weir/free 1'],
  ['price', 'HSET app:config adaptive_max_concurrent 8'],
  ['price', 'SET feed:lease:weir/majors 1'],
  ['price', 'PUBLISH price:updates x'],
  ['price', 'KEYS *'],
  ['operator', 'DEL feed:lease:weir/majors'],
  ['operator', 'HGETALL ratelimit:{k}'],
  ['operator', 'PUBLISH price:updates x'],
  ['operator', 'FLUSHALL'],
])('%s may not %s', async (user, command) => {
  expect(await admin.bulk.call('ACL', 'DRYRUN', user, ...command.split(' '))).toMatch(/no permission/);
});

test('an operator publishes and a feed follows, with these rights alone', async () => {
  const operator = connectTo({ port: server.port, username: 'operator', password: 'secret' });
  const feed = connectTo({ port: server.port, username: 'feed', password: 'secret' });
  await Promise.all([operator.ready(), feed.ready()]);
  const watch = watchDocuments<unknown>({
    valkey: feed,
    family: 'feeds',
    clock: systemClock,
    logger: silentLogger,
    parse: (json) => JSON.parse(json) as unknown,
    onChange: () => {},
  });
  await watch.ready;
  const seq = await publishDocuments(
    operator.bulk,
    'feeds',
    new Map([['weir/majors', JSON.stringify({ big: 'x'.repeat(100_000) })]]),
  );
  await waitFor(() => watch.seq === seq);
  expect([...watch.snapshot.keys()]).toEqual(['weir/majors']);
  await watch.close();
  expect(await admin.bulk.call('ACL', 'LOG')).toEqual([]);
  await Promise.all([operator.close(), feed.close()]);
});
