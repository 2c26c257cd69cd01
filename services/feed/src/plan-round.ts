/** Which prices a publishing round sends, and which of those are news. Pure but for the book it asks. */
import type { PriceConfirmation, PriceRecord } from '@weir/wire';
import { isSameValue, type Aggregate } from './aggregate-quotes.ts';
import type { QuoteBook } from './keep-quotes.ts';

export interface Draft {
  readonly asset: string;
  readonly aggregate: Aggregate;
  readonly why: 'first' | 'changed' | 'confirmed' | 'rewrite';
}

/** What a batch tells. */
export interface News {
  readonly madeAtMs: number;
  readonly records: readonly PriceRecord[];
  readonly confirmations: readonly PriceConfirmation[];
}

export const NO_NEWS: News = { madeAtMs: 0, records: [], confirmations: [] };

/** Whether readers know another value, or none. */
export const isValueNews = ({ why }: Draft): boolean => why === 'first' || why === 'changed';

/**
 * changed: prices that differ from what was written. all: also those that are only known to be current more recently,
 * and those about which nothing is new, for the case that Valkey has lost them.
 */
export type RoundScope = 'changed' | 'all';

export function planRound(
  scope: RoundScope,
  assets: Iterable<string>,
  context: {
    readonly book: Pick<QuoteBook, 'refresh'>;
    readonly nowMs: number;
    readonly lastWritten: (asset: string) => Aggregate | undefined;
  },
): Draft[] {
  const drafts: Draft[] = [];
  for (const asset of assets) {
    const aggregate = context.book.refresh(asset, context.nowMs);
    if (aggregate === undefined) continue;
    const written = context.lastWritten(asset);
    if (written === undefined) drafts.push({ asset, aggregate, why: 'first' });
    else if (!isSameValue(aggregate, written)) drafts.push({ asset, aggregate, why: 'changed' });
    else if (scope === 'changed') continue;
    else if (aggregate.confirmedMs !== written.confirmedMs) drafts.push({ asset, aggregate, why: 'confirmed' });
    else drafts.push({ asset, aggregate, why: 'rewrite' });
  }
  return drafts;
}
