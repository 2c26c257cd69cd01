/** What a person reads once Weir is up: where things are, and a line to paste. Pure. */
import { formatPair, type FeedDocument, type PolicyDocument, type PriceRecord } from '@weir/wire';
import type { PreparedKey } from './issue-keys.ts';

/** Widest label and a gap. */
const LABEL_WIDTH = 11;

export function progressLine(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${text}`;
}

/** The pairs to try, best first: those of feeds that price anything and that the policy admits. */
export function pairsToTry(feeds: readonly FeedDocument[], policy: PolicyDocument | undefined): readonly string[] {
  const admitted = feeds.filter(({ feed, suspend }) => !suspend && (policy?.feeds?.includes(feed) ?? true));
  return admitted.flatMap(({ assets, quote }) => assets.map((asset) => formatPair({ asset, quote })));
}

/** The key to try: the first whose policy lets it ask for prices over HTTP. */
export function keyToTry(keys: readonly PreparedKey[]): PreparedKey | undefined {
  return keys.find(({ policy }) => !policy.suspend && policy.access.protocols.includes('http'));
}

export interface Target {
  readonly url: string;
  readonly pair: string | undefined;
  readonly key: PreparedKey | undefined;
}

/** A line that works as pasted; without a key or a pair it asks what the installation itself says. */
export function curlLine({ url, pair, key }: Target): string {
  if (key === undefined || pair === undefined) return `curl -sS "${url}/health"`;
  return `curl -sS -H "Authorization: Bearer ${key.text}" "${url}/price?asset=${pair}"`;
}

/** The same for the clients of streams and of UDP, as far as the policy lets the key use them. */
export function clientLines({ url, pair, key }: Target): readonly string[] {
  if (key === undefined || pair === undefined) return [];
  const clients = (['sse', 'udp'] as const).filter((name) => key.policy.access.protocols.includes(name));
  return clients.map((name) => `WEIR_API_KEY=${key.text} npm run --silent ${name} -- --url ${url} ${pair}`);
}

export interface FoundPrice {
  readonly pair: string;
  readonly record: Pick<PriceRecord, 'priceText' | 'quote'>;
}

/** What there is to say of prices, the first line first: the price found, what the best pair lacks, and what sources say. */
export function describePrices(
  wanted: string | undefined,
  found: FoundPrice | undefined,
  sources: readonly SourceState[],
): readonly string[] {
  const price = found === undefined ? 'none yet' : `${found.pair} ${found.record.priceText} ${found.record.quote}`;
  if (found !== undefined && (wanted === undefined || wanted === found.pair)) return [price];
  return [found === undefined ? price : `${price}; none yet of ${wanted}`, ...sources.map(describeSource)];
}

export interface SourceState {
  readonly name: string;
  readonly state: string;
  readonly message: string;
}

/** A source that is well may have something to say all the same. */
function describeSource({ name, state, message }: SourceState): string {
  if (message === '') return `${name} is ${state}`;
  return state === 'ok' ? `${name}: ${message}` : `${name} is ${state}: ${message}`;
}

/** Sources that are as the files say, with an address of their own. */
export function ownAddresses(feeds: readonly FeedDocument[]): readonly string[] {
  return feeds.flatMap(({ feed, sources }) =>
    sources.flatMap(({ name, url }) => (url === undefined ? [] : [`${feed} ${name} ${url}, as its file says`])),
  );
}
