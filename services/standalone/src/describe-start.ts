/** What a person reads once Weir is up: where things are, and a line to paste. Pure. */
import { formatPair, type FeedDocument, type PolicyDocument } from '@weir/wire';
import type { PreparedKey } from './issue-keys.ts';

/** Widest label and a gap. */
const LABEL_WIDTH = 11;

export function progressLine(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${text}`;
}

/** The pair to try: the first of the first feed that prices anything and that the policy admits. */
export function pairToTry(feeds: readonly FeedDocument[], policy: PolicyDocument | undefined): string | undefined {
  const admitted = feeds.filter(({ feed, suspend }) => !suspend && (policy?.feeds?.includes(feed) ?? true));
  const [first] = admitted;
  const asset = first?.assets[0];
  return first === undefined || asset === undefined ? undefined : formatPair({ asset, quote: first.quote });
}

/** The key to try: the first whose policy lets it ask for prices over HTTP. */
export function keyToTry(keys: readonly PreparedKey[]): PreparedKey | undefined {
  return keys.find(({ policy }) => !policy.suspend && policy.access.protocols.includes('http'));
}

export interface CurlTarget {
  readonly url: string;
  readonly pair: string | undefined;
  readonly key: PreparedKey | undefined;
}

/** A line that works as pasted; without a key or a pair it asks what the installation itself says. */
export function curlLine({ url, pair, key }: CurlTarget): string {
  if (key === undefined || pair === undefined) return `curl -sS "${url}/health"`;
  return `curl -sS -H "Authorization: Bearer ${key.text}" "${url}/price?asset=${pair}"`;
}
