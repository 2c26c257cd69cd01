/** What the connections of one source, and its missing markets, make of the source: the words of `feed:status`. Pure. */
import type { FeedSourceStatus, SourceState } from '@weir/wire';
import type { ConnectorStatus } from './connect/connector.ts';
import type { MissingMarket } from './plan-markets.ts';

export type SourceWords = Omit<ConnectorStatus, 'sinceMs'>;

/** Worst first. */
const ORDER: readonly SourceState[] = ['down', 'connecting', 'halted', 'stale', 'quiet', 'ok'];
/** As in a connector's own status: readers want the reason, not the catalogue. */
const QUARANTINED_MAX = 100;

const MARKETS_MISSING = 'MarketsMissing';

/** A source is as good as its worst connection. */
export function mergeStatuses(statuses: readonly SourceWords[], missing: readonly MissingMarket[]): SourceWords {
  const named = missing.map(({ asset, symbol, reason: why }) => ({ asset, symbol, reason: why }));
  const quarantined = [...statuses.flatMap((status) => status.quarantined), ...named].slice(0, QUARANTINED_MAX);
  const quarantinedCount = statuses.reduce((sum, status) => sum + status.quarantinedCount, missing.length);
  const [worst = NOTHING] = statuses.toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  const { state, reason } = worst;
  const alike = statuses.filter((status) => status.state === state).length;
  const isAll = alike === statuses.length;
  const message = isAll ? worst.message : `${alike} of ${statuses.length} connections: ${worst.message || reason}`;
  if (state === 'ok' && reason === 'Live' && missing.length > 0) {
    return { state, reason: MARKETS_MISSING, message: tellMissing(missing), quarantined, quarantinedCount };
  }
  return { state, reason, message, quarantined, quarantinedCount };
}

function tellMissing(missing: readonly MissingMarket[]): string {
  const followed = missing.filter(({ isFollowed }) => isFollowed).length;
  const left = missing.length - followed;
  const told = left === 0 ? [] : [left === 1 ? '1 asset is not followed' : `${left} assets are not followed`];
  if (followed > 0) told.push(`${followed} of the followed ${followed === 1 ? 'is' : 'are'} not as expected`);
  return told.join('; ');
}

/** Of a source whose socket is down. */
export function describeStandIn<T extends SourceWords>(words: T): T {
  const told = 'prices come by REST';
  return { ...words, message: words.message === '' ? told : `${words.message}; ${told}` };
}

/** Of a source in USDT of a feed in dollars; what is worse is told before. */
export function describeUnconverted<T extends SourceWords>(words: T): T {
  if (words.state !== 'ok' || !(words.reason === 'Live' || words.reason === MARKETS_MISSING)) return words;
  const message = 'prices in USDT do not count: no source of the feed tells a usable price of USDT in dollars';
  return { ...words, reason: 'NoUsdtRate', message };
}

/** Of a source whose REST has refuted the socket of so many markets; what is worse is told before. */
export function describeDoubts<T extends SourceWords>(words: T, disbelieved: number): T {
  if (disbelieved === 0 || words.state !== 'ok' || !(words.reason === 'Live' || words.reason === MARKETS_MISSING))
    return words;
  const markets = disbelieved === 1 ? '1 market' : `${disbelieved} markets`;
  const told = `REST contradicts the socket in ${markets}, and is believed`;
  return { ...words, reason: 'Contradicted', message: words.message === '' ? told : `${words.message}; ${told}` };
}

const NOTHING: SourceWords = {
  state: 'down',
  reason: 'NoSymbols',
  message: 'the venue lists none of the assets',
  quarantined: [],
  quarantinedCount: 0,
};

/** While the venue's list of markets is not known; `connecting` until it could have been. */
export function describeUnlisted(hasTried: boolean): SourceWords {
  const message = hasTried ? 'the list of markets could not be had; it is asked for again' : '';
  const state = hasTried ? 'down' : 'connecting';
  return { state, reason: 'NoInstruments', message, quarantined: [], quarantinedCount: 0 };
}

export function sourceStatus(
  source: { readonly name: string; readonly exchange: string },
  { sinceMs, ...words }: SourceWords & { readonly sinceMs: number },
): FeedSourceStatus {
  return { ...source, ...words, lastTransitionTime: new Date(sinceMs).toISOString() };
}
