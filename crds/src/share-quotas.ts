/** An exchange has one quota for all feeds: the lowest that one of them names stands in the document of each that names the exchange. Pure. */
import { isLowerQuota, type FeedDocument, type FeedSource, type UpstreamQuota } from '@weir/wire';

/** What an exchange allows, by its name; `undefined` where no feed says. */
export type QuotaOf = (exchange: string) => UpstreamQuota | undefined;

export function shareQuotas(documents: readonly FeedDocument[]): readonly FeedDocument[] {
  const lowest = new Map<string, UpstreamQuota>();
  for (const { exchange, quota } of documents.flatMap(({ sources }) => sources)) {
    const other = lowest.get(exchange);
    if (quota !== undefined && (other === undefined || isLowerQuota(quota, other))) lowest.set(exchange, quota);
  }
  const share = (source: FeedSource): FeedSource => withSharedQuota(source, (exchange) => lowest.get(exchange));
  return documents.map((document) => ({ ...document, sources: document.sources.map(share) }));
}

export function withSharedQuota(source: FeedSource, quotaOf: QuotaOf): FeedSource {
  const quota = quotaOf(source.exchange);
  return quota === undefined ? source : { ...source, quota };
}
