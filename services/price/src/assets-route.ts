/** GET /assets: what a key may ask for, from the documents of the feeds. Not charged. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { parsePair } from '@weir/wire';
import { refuse, sendJson, type PriceApi } from './price-api.ts';
import type { FeedState } from './price-table.ts';
import { Refusal } from './refusal.ts';
import { AssetsAnswer, freeAnswers } from './schemas.ts';
import { inSpan, startRequestSpan } from './trace-request.ts';

const schema = {
  summary: 'The assets that can be asked for',
  description: 'With their feed and the ages by which their prices are judged. Costs nothing.',
  tags: ['prices'],
  security: [{ apiKey: [] }],
  ...freeAnswers,
  response: { 200: AssetsAnswer },
};

export function addAssetsRoute(server: FastifyInstance, api: PriceApi): void {
  server.get('/assets', { schema }, (request, reply) => {
    const run = (): Promise<void> => serve(api, reply, request.headers.authorization);
    const span = startRequestSpan(api.tracing, 'GET /assets', request);
    return span === undefined ? run() : inSpan(span, run);
  });
}

async function serve(api: PriceApi, reply: FastifyReply, header: string | undefined): Promise<void> {
  const access = await api.authorize(header);
  if (access instanceof Refusal) return refuse(api, reply, access.problem);
  const { feeds } = access;
  const allowed = [...api.table.feeds.values()].filter(
    ({ name }) => feeds === undefined || feeds.has(name) || access.isDryRun,
  );
  const listings = allowed.map(listingOf).filter((listing) => listing !== '');
  const body = `{"assets":[${listings.join(',')}]}`;
  sendJson(api, reply, { body, bytes: Buffer.byteLength(body), access, decision: undefined });
}

/** Kept until the documents change: a list of 10,000 assets is too much work for every request. */
function listingOf(feed: FeedState): string {
  return (feed.listing ??= feed.slots.map(({ pair }) => JSON.stringify(listedAsset(pair, feed))).join(','));
}

function listedAsset(pair: string, { name, document }: FeedState): object {
  const { freshMs, staleMs, deadMs } = document.freshness;
  const freshness = { fresh_ms: freshMs, stale_ms: staleMs, dead_ms: deadMs };
  return { pair, asset: parsePair(pair)?.asset, quote: document.quote, feed: name, freshness };
}
