/** Real traffic of an exchange, replayed through simulated exchange, connectors and feeds into a real Valkey. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '@weir/clock';
import { startExchanges, type Exchanges } from '@weir/exchanges';
import { createTestTelemetry, silentLogger, startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { publishDocuments, type Valkey } from '@weir/valkey';
import { decodePriceRecord, formatPair, normaliseDecimalText } from '@weir/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFeed, type Feed } from '../src/app.ts';
import { openValkey } from './open-valkey.ts';
import { addressed, documentWith } from './sample-document.ts';

const RECORDING = 'shared/recordings/coinbase/cryptofeed-coinbase.tickers-trades.subset.jsonl';

/** Recordings lie beside the repository, not in it: their licences differ. */
function findRecording(): string | undefined {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, RECORDING);
    if (existsSync(path)) return path;
  }
  return undefined;
}

interface Frame {
  readonly type: string;
  readonly product_id: string;
  readonly price: string;
}

const recording = findRecording();

let server: TestValkey;
let valkey: Valkey;
let exchanges: Exchanges | undefined;
const feeds: Feed[] = [];

beforeAll(async () => {
  server = await startTestValkey();
  valkey = await openValkey(server.url);
});
afterAll(async () => {
  await Promise.all(feeds.map((feed) => feed.stop()));
  await exchanges?.stop();
  await valkey.close();
  await server.stop();
});

test("every pair ends at the recording's last price to the digit, no frame is lost and none harms", async ({
  skip,
}) => {
  skip(
    recording === undefined,
    'recordings are missing: they are read from ../shared/recordings, beside the repository',
  );
  const lines = readFileSync(recording ?? '', 'utf8')
    .trim()
    .split('\n');
  const prices = new Map<string, string>();
  for (const line of lines) {
    const { dir, raw } = JSON.parse(line) as { dir: string; raw: string };
    const frame = dir === 'in' ? (JSON.parse(raw) as Frame) : undefined;
    if (frame?.type === 'ticker') prices.set(frame.product_id, frame.price);
  }
  const pairs = [...prices.keys()].map((id) => id.split('-')).map(([asset = '', quote = '']) => ({ asset, quote }));
  const quotes = Object.groupBy(pairs, ({ quote }) => quote);
  expect(Object.keys(quotes).toSorted()).toEqual(['BTC', 'EUR', 'GBP', 'USD']);

  const venue = await startExchanges({ venues: ['coinbase'], pairs, ticksPerSecond: 0 });
  exchanges = venue;
  const telemetry = createTestTelemetry();
  const sources = [addressed({ name: 'coinbase', exchange: 'coinbase' }, venue.addresses)];
  for (const [quote, listed = []] of Object.entries(quotes)) {
    const feed = `weir/${quote.toLowerCase()}`;
    const document = documentWith({ feed, quote, assets: listed.map(({ asset }) => asset), sources });
    await publishDocuments(valkey.bulk, 'feeds', new Map([[feed, JSON.stringify(document)]]));
    feeds.push(await startFeed({ feed, node: 'a', valkey, clock: systemClock, logger: silentLogger, telemetry }));
  }
  const control = venue.venue('coinbase');
  await waitFor(() => pairs.every((pair) => control.subscribers(formatPair(pair)) === 1));
  await control.replay(lines, { speed: Infinity });

  for (const [product, price] of prices) {
    const [asset = '', quote = ''] = product.split('-');
    const pair = formatPair({ asset, quote });
    const stored = async (): Promise<string | undefined> =>
      decodePriceRecord((await valkey.bulk.get(`price:${pair}`)) ?? '')?.priceText;
    await waitFor(async () => (await stored()) === normaliseDecimalText(price));
  }
  const metrics = await telemetry.scrape();
  const countOf = (kind: string): number =>
    Number(new RegExp(`^weir_feed_venue_events_total\\{.*kind="${kind}".*\\} (\\d+)$`, 'm').exec(metrics)?.[1]);
  expect([countOf('ticker'), countOf('trade')]).toEqual([107, 97]);
  expect(metrics).not.toMatch(/^weir_feed_tickers_dropped_total/m);
});
