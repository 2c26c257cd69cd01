import { keyspace } from '@weir/keyspace';
import {
  createFakeClock,
  createTestTelemetry,
  silentLogger,
  startTestValkey,
  waitFor,
  type TestValkey,
} from '@weir/testing';
import { systemClock } from '@weir/clock';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import type { FeedDocument } from '@weir/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepDocuments } from '../src/keep-documents.ts';

let server: TestValkey;
let valkey: Valkey;

beforeAll(async () => {
  server = await startTestValkey();
  valkey = createValkey({
    target: parseValkeyUrl(server.url),
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
  });
  await valkey.ready();
});

afterAll(async () => {
  await valkey.close();
  await server.stop();
});

const feed: FeedDocument = {
  feed: 'default/majors',
  suspend: false,
  assets: ['BTC'],
  quote: 'USD',
  sources: [],
  aggregation: { method: 'Median', minSources: 1, maxDeviationBps: 50 },
  freshness: { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 },
  publish: { intervalMs: 50, heartbeatMs: 1_000 },
  fallback: { enabled: true },
};
const stored = () => valkey.bulk.hgetall(keyspace.feeds.key());

describe('documents that are kept', () => {
  it('stay as they are while they are there, come back when lost, and say so until it is heard', async () => {
    const clock = createFakeClock();
    let losses = 0;
    let refusals = 1;
    const keeper = await keepDocuments({
      client: valkey.bulk,
      clock,
      logger: silentLogger,
      documents: { feeds: [feed], policies: [] },
      onLoss: async () => {
        if (refusals > 0) {
          refusals -= 1;
          throw new Error('Postgres is away');
        }
        losses += 1;
      },
    });
    const before = await stored();
    expect(JSON.parse(before['default/majors'] ?? '')).toEqual(feed);
    for (let second = 0; second < 3; second++) await clock.advance(1_000);
    expect(await stored()).toEqual(before);
    expect(losses).toBe(0);

    await valkey.bulk.call('FLUSHALL');
    await waitFor(async () => {
      await clock.advance(1_000);
      return losses === 1;
    });
    const after = await stored();
    expect(after['default/majors']).toBe(before['default/majors']);
    expect(Number(after['#seq'])).toBeGreaterThan(Number(before['#seq']));
    for (let second = 0; second < 3; second++) await clock.advance(1_000);
    expect(losses).toBe(1);

    await keeper.stop();
    await valkey.bulk.call('FLUSHALL');
    await clock.advance(5_000);
    expect(await stored()).toEqual({});
  });
});
