/** From the `Authorization` header to what its key may do, or to why it may do nothing. */
import type { KeyCache, KeyLookup } from '@weir/keys';
import type { Access, PolicyDirectory } from './policy-directory.ts';
import type { PriceMetrics } from './metrics.ts';
import { Refusal } from './refusal.ts';

export interface AuthorizerOptions {
  readonly keys: KeyCache;
  readonly policies: PolicyDirectory;
  readonly metrics: Pick<PriceMetrics, 'dryRunRefusals'>;
  /** Whether the documents were read that say who may do what; until then nobody is told anything final. */
  readonly isInformed: () => boolean;
  /** What to wait for first: after a stall the policies may be older than that. */
  readonly hold: () => Promise<void> | undefined;
  /** In which keys expire. */
  readonly serverTimeMs: () => number;
}

/** Synchronous for a key in use. */
export type Authorize = (header: string | undefined) => Access | Refusal | Promise<Access | Refusal>;

const REFUSED = {
  starting: new Refusal({ code: 'STARTING' }),
  missing: new Refusal({ code: 'KEY_MISSING' }),
  malformed: new Refusal({ code: 'KEY_MALFORMED' }),
  unknown: new Refusal({ code: 'KEY_UNKNOWN' }),
  expired: new Refusal({ code: 'KEY_EXPIRED' }),
  unavailable: new Refusal({ code: 'KEY_STORE_UNAVAILABLE' }),
} as const;

export function createAuthorizer(options: AuthorizerOptions): Authorize {
  const { keys, policies, metrics, isInformed, hold, serverTimeMs } = options;
  const judge = (lookup: KeyLookup): Access | Refusal => {
    if (lookup.kind !== 'found') return REFUSED[lookup.kind];
    const access = policies.accessOf(lookup.key);
    if (access.refusal !== undefined) return new Refusal(access.refusal);
    if (access.expiresAtMs !== Number.POSITIVE_INFINITY && access.expiresAtMs <= serverTimeMs()) return REFUSED.expired;
    if (access.isRefusedDry) metrics.dryRunRefusals.add();
    return access;
  };
  const readBearer = createBearerReader();
  const authorize: Authorize = (header) => {
    const held = hold();
    if (held !== undefined) return held.then(() => authorize(header));
    if (!isInformed()) return REFUSED.starting;
    const text = readBearer(header);
    if (text === undefined) return REFUSED.missing;
    const lookup = keys.lookup(text);
    return lookup instanceof Promise ? lookup.then(judge) : judge(lookup);
  };
  return authorize;
}

/** A power of two. */
const REMEMBERED_HEADERS = 1_024;

/**
 * As `bearerText`, remembering headers seen lately by their last characters. For such a one it answers the text of before: a
 * map has its hash already, while a part of a fresh header has to be hashed and compared out of line.
 */
export function createBearerReader(): typeof bearerText {
  const headers = Array.from({ length: REMEMBERED_HEADERS }, () => '');
  const texts = Array.from({ length: REMEMBERED_HEADERS }, () => '');
  return (header) => {
    if (header === undefined) return undefined;
    const { length } = header;
    const place = (header.charCodeAt(length - 1) * 31 + header.charCodeAt(length - 2)) & (REMEMBERED_HEADERS - 1);
    if (header !== '' && headers[place] === header) return texts[place];
    const text = bearerText(header);
    if (text === undefined) return undefined;
    headers[place] = header;
    texts[place] = text;
    return text;
  };
}

const SCHEME = /^bearer +/i;

/** The credentials of `Authorization: Bearer <text>`; the scheme is case-insensitive. */
export function bearerText(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.startsWith('Bearer w')) return header.slice(7);
  const scheme = SCHEME.exec(header)?.[0];
  return scheme === undefined ? undefined : header.slice(scheme.length).trim();
}
