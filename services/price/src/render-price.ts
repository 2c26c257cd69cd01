/** From a slot to the text of its price with its true age, or to why there is none to serve. */
import { formatPair, parsePair, priceJson, priceStatus } from '@weir/wire';
import type { PriceMetrics } from './metrics.ts';
import type { Access } from './policy-directory.ts';
import { headOf, type PriceTable, type Slot } from './price-table.ts';
import { Refusal } from './refusal.ts';

/** The slot of an asset that may be asked for; refusals cost the caller nothing. `asset` is as it was sent. */
export function findSlot(table: PriceTable, asset: unknown, access: Access): Slot | Refusal {
  const slot = typeof asset === 'string' ? table.slot(asset) : undefined;
  if (slot === undefined) return findOtherSpelling(table, asset, access);
  if (access.feeds === undefined || access.feeds.has(slot.feed.name) || access.isDryRun) return slot;
  return new Refusal({ code: 'ASSET_NOT_ALLOWED', detail: `The policy of this key does not include ${slot.pair}.` });
}

/** "BTC-USD" is "BTC". */
function findOtherSpelling(table: PriceTable, asset: unknown, access: Access): Slot | Refusal {
  const pair = typeof asset === 'string' ? parsePair(asset) : undefined;
  if (pair === undefined) return malformed(asset);
  const spelling = formatPair(pair);
  if (spelling !== asset) return findSlot(table, spelling, access);
  return new Refusal({ code: 'ASSET_UNKNOWN', detail: `No feed carries ${spelling}.` });
}

const WANTED = 'must be one asset in upper case, such as BTC, or with a quote, such as BTC-EUR';
const NO_ASSET = assetFault(`is missing: it ${WANTED}`, 'Write /price?asset=BTC.');
const MALFORMED_ASSET = assetFault(WANTED, 'Ask for an asset that GET /assets lists.');

/** Why a text is no pair, with what was probably meant. */
function malformed(asset: unknown): Refusal {
  if (asset === undefined) return NO_ASSET;
  const meant = typeof asset === 'string' ? parsePair(asset.toUpperCase()) : undefined;
  return meant === undefined ? MALFORMED_ASSET : assetFault(WANTED, `Write ${formatPair(meant)}.`);
}

function assetFault(problem: string, fix: string): Refusal {
  const errors = [{ in: 'query', field: 'asset', problem, fix }];
  return new Refusal({ code: 'INVALID_REQUEST', detail: `query asset: ${problem}`, extensions: { errors } });
}

export function ageMsOf(slot: Slot, serverNowMs: number): number {
  if (slot.record === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, Math.round(serverNowMs - slot.record.confirmedAtMs));
}

/** Counts which tier had a price: `before` is what memory held when the request came. */
export function countTier(metrics: PriceMetrics, slot: Slot, before: Slot['record'], isFetched = false): void {
  if (isFetched) metrics.venueReads.add();
  else if (slot.record === undefined) metrics.cacheMisses.add();
  else if (slot.record === before) metrics.syncmapHits.add();
  else metrics.elasticacheHits.add();
}

/** The JSON of the price a slot holds, as it was found in a cache. */
export function renderPrice(slot: Slot, access: Access, ageMs: number, metrics: PriceMetrics): string | Refusal {
  const body = render(slot, access, ageMs, true);
  if (typeof body === 'string') metrics.ageSeconds.record(ageMs / 1_000);
  return body;
}

/** The same for those who waited while a venue was asked. */
export function renderFetched(slot: Slot, access: Access, ageMs: number, metrics: PriceMetrics): string | Refusal {
  const body = render(slot, access, ageMs, false);
  if (typeof body === 'string') metrics.ageSeconds.record(ageMs / 1_000);
  return body;
}

function render(slot: Slot, access: Access, ageMs: number, isCached: boolean): string | Refusal {
  const { record } = slot;
  if (record === undefined) {
    return new Refusal({ code: 'PRICE_NOT_AVAILABLE', detail: `There is no price of ${slot.pair} yet.` });
  }
  const status = priceStatus(ageMs, slot.feed.document.freshness);
  if (status === 'dead' && !access.allowStale) return deadPrice(slot, ageMs);
  return priceJson(headOf(slot, record), isCached, ageMs, status);
}

function deadPrice(slot: Slot, ageMs: number): Refusal {
  return new Refusal({
    code: 'PRICE_DEAD',
    detail: `The last price of ${slot.pair} is ${ageMs} ms old and the policy of this key does not allow stale prices.`,
    extensions: { asset: slot.pair, age_ms: ageMs },
  });
}
