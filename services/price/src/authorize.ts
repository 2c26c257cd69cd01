/** From the `Authorization` header to what its key may do, or to why it may do nothing. */
import type { KeyCaches, KeyLookup } from '@weir/keys';
import type { ApiKeyRecord } from '@weir/wire';
import type { Access, PolicyDirectory } from './policy-directory.ts';
import type { PriceMetrics } from './metrics.ts';
import { Refusal } from './refusal.ts';

export interface AuthorizerOptions {
  readonly keys: Pick<KeyCaches, 'lookup' | 'lookupHash'>;
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

/** What the hash of a key's text may do, for those whom the key itself has let in before. Synchronous as `Authorize`. */
export type AuthorizeHash = (sha256: string) => Access | Refusal | Promise<Access | Refusal>;

/** What a record may do now; synchronous and without the look-ups of the others. */
export type Judge = (record: ApiKeyRecord) => Access | Refusal;

const REFUSED = {
  starting: new Refusal({ code: 'STARTING' }),
  missing: new Refusal({ code: 'KEY_MISSING' }),
  schemeless: new Refusal({
    code: 'KEY_MISSING',
    detail: 'The Authorization header does not begin with "Bearer" and a blank, so there is no key in it.',
  }),
  malformed: new Refusal({ code: 'KEY_MALFORMED' }),
  unknown: new Refusal({ code: 'KEY_UNKNOWN' }),
  expired: new Refusal({ code: 'KEY_EXPIRED' }),
  unavailable: new Refusal({ code: 'KEY_STORE_UNAVAILABLE' }),
} as const;

export function createAuthorizer(options: AuthorizerOptions): Authorize {
  const { keys, isInformed, hold } = options;
  const judge = judgeLookup(createJudge(options));
  const readBearer = createBearerReader();
  const authorize: Authorize = (header) => {
    const held = hold();
    if (held !== undefined) return held.then(() => authorize(header));
    if (!isInformed()) return REFUSED.starting;
    const text = readBearer(header);
    if (text === undefined) return header === undefined ? REFUSED.missing : REFUSED.schemeless;
    const lookup = keys.lookup(text);
    return lookup instanceof Promise ? lookup.then(judge) : judge(lookup);
  };
  return authorize;
}

export function createHashAuthorizer(options: AuthorizerOptions): AuthorizeHash {
  const { keys, isInformed, hold } = options;
  const judge = judgeLookup(createJudge(options));
  const authorize: AuthorizeHash = (sha256) => {
    const held = hold();
    if (held !== undefined) return held.then(() => authorize(sha256));
    if (!isInformed()) return REFUSED.starting;
    const lookup = keys.lookupHash(sha256);
    return lookup instanceof Promise ? lookup.then(judge) : judge(lookup);
  };
  return authorize;
}

export function createJudge(options: Pick<AuthorizerOptions, 'policies' | 'metrics' | 'serverTimeMs'>): Judge {
  const { policies, metrics, serverTimeMs } = options;
  return (record) => {
    const access = policies.accessOf(record);
    if (access.refusal !== undefined) return new Refusal(access.refusal);
    if (access.expiresAtMs !== Number.POSITIVE_INFINITY && access.expiresAtMs <= serverTimeMs()) return REFUSED.expired;
    if (access.isRefusedDry) metrics.dryRunRefusals.add();
    return access;
  };
}

function judgeLookup(judge: Judge): (lookup: KeyLookup) => Access | Refusal {
  return (lookup) => (lookup.kind === 'found' ? judge(lookup.key) : REFUSED[lookup.kind]);
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
