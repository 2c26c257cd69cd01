/** An API key as its `apikey:<sha256>` hash holds it: never the text, only what a decision needs. */

export interface ApiKeyRecord {
  readonly id: string;
  readonly userId: string;
  readonly projectId: string;
  readonly teamId: string;
  readonly name: string;
  readonly tier: string;
  /** `<ns>/<name>` of the policy that issued it, or "" when the tier binds it. */
  readonly policy: string;
  readonly queryLimit?: number;
  readonly currentUsage: number;
  readonly rateLimitQps?: number;
  readonly burstLimit?: number;
  readonly minimumWaitSeconds?: number;
  readonly revoked: boolean;
  readonly lrsEnabled: boolean;
  readonly expiresAtMs?: number;
  readonly lastUsedMs?: number;
  readonly createdAtMs: number;
  readonly lastSuccessMs?: number;
  /** Raised by every change in Postgres; an older version never replaces a newer one. */
  readonly version: number;
}

const iso = (ms: number | undefined): string => (ms === undefined ? '' : new Date(ms).toISOString());
const number = (value: number | undefined): string => (value === undefined ? '' : String(value));

/** Field names and texts of the hash; an absent number or instant is the empty text. */
export function encodeApiKeyRecord(key: ApiKeyRecord): Record<string, string> {
  return {
    id: key.id,
    user_id: key.userId,
    project_id: key.projectId,
    team_id: key.teamId,
    name: key.name,
    tier: key.tier,
    policy: key.policy,
    query_limit: number(key.queryLimit),
    current_usage: String(key.currentUsage),
    rate_limit_qps: number(key.rateLimitQps),
    burst_limit: number(key.burstLimit),
    minimum_wait_seconds: number(key.minimumWaitSeconds),
    revoked: key.revoked ? '1' : '0',
    lrs_enabled: key.lrsEnabled ? '1' : '0',
    expires_at: iso(key.expiresAtMs),
    last_used: iso(key.lastUsedMs),
    created_at: iso(key.createdAtMs),
    last_success: iso(key.lastSuccessMs),
    version: String(key.version),
  };
}

const NUMBER = /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;

/** `undefined` for an absent or empty text, NaN for one that is no number: the reader must not take the one for the other. */
function readNumber(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  return NUMBER.test(text) ? Number(text) : Number.NaN;
}

const readInstant = (text: string | undefined): number | undefined =>
  text === undefined || text === '' ? undefined : Date.parse(text);

/**
 * `undefined` when id, tier, creation, version or `revoked` are missing, and when any number or instant is unreadable: a
 * limit or an end that cannot be read must not become none.
 */
export function decodeApiKeyRecord(fields: Readonly<Record<string, string>>): ApiKeyRecord | undefined {
  const { id, tier, revoked } = fields;
  const createdAtMs = readInstant(fields['created_at']);
  const version = readNumber(fields['version']);
  if (!id || !tier || createdAtMs === undefined || version === undefined) return undefined;
  if (revoked !== '0' && revoked !== '1') return undefined;
  const optional: Readonly<Record<OptionalField, number | undefined>> = {
    queryLimit: readNumber(fields['query_limit']),
    rateLimitQps: readNumber(fields['rate_limit_qps']),
    burstLimit: readNumber(fields['burst_limit']),
    minimumWaitSeconds: readNumber(fields['minimum_wait_seconds']),
    expiresAtMs: readInstant(fields['expires_at']),
    lastUsedMs: readInstant(fields['last_used']),
    lastSuccessMs: readInstant(fields['last_success']),
  };
  const currentUsage = readNumber(fields['current_usage']) ?? 0;
  if ([createdAtMs, version, currentUsage, ...Object.values(optional)].some(Number.isNaN)) return undefined;
  return {
    id,
    tier,
    userId: fields['user_id'] ?? '',
    projectId: fields['project_id'] ?? '',
    teamId: fields['team_id'] ?? '',
    name: fields['name'] ?? '',
    policy: fields['policy'] ?? '',
    currentUsage,
    revoked: revoked === '1',
    lrsEnabled: fields['lrs_enabled'] === '1',
    createdAtMs,
    version,
    ...onlyPresent(optional),
  };
}

type OptionalField =
  | 'queryLimit'
  | 'rateLimitQps'
  | 'burstLimit'
  | 'minimumWaitSeconds'
  | 'expiresAtMs'
  | 'lastUsedMs'
  | 'lastSuccessMs';

/** An absent field is left out rather than undefined, as the type of the record wants it. */
function onlyPresent(fields: Readonly<Record<OptionalField, number | undefined>>): {
  [name in OptionalField]?: number;
} {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
