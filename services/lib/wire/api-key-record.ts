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

/** `undefined` when id, tier, creation or version are missing or unreadable. */
export function decodeApiKeyRecord(fields: Readonly<Record<string, string>>): ApiKeyRecord | undefined {
  const numberOf = (name: string): number | undefined => {
    const text = fields[name];
    if (text === undefined || text === '') return undefined;
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  };
  const instantOf = (name: string): number | undefined => {
    const value = Date.parse(fields[name] ?? '');
    return Number.isNaN(value) ? undefined : value;
  };
  const { id, tier } = fields;
  const createdAtMs = instantOf('created_at');
  const version = numberOf('version');
  if (!id || !tier || createdAtMs === undefined || version === undefined) return undefined;
  const optional = {
    queryLimit: numberOf('query_limit'),
    rateLimitQps: numberOf('rate_limit_qps'),
    burstLimit: numberOf('burst_limit'),
    minimumWaitSeconds: numberOf('minimum_wait_seconds'),
    expiresAtMs: instantOf('expires_at'),
    lastUsedMs: instantOf('last_used'),
    lastSuccessMs: instantOf('last_success'),
  };
  const present = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as {
    [name in keyof typeof optional]?: number;
  };
  return {
    id,
    tier,
    userId: fields['user_id'] ?? '',
    projectId: fields['project_id'] ?? '',
    teamId: fields['team_id'] ?? '',
    name: fields['name'] ?? '',
    policy: fields['policy'] ?? '',
    currentUsage: numberOf('current_usage') ?? 0,
    revoked: fields['revoked'] === '1',
    lrsEnabled: fields['lrs_enabled'] === '1',
    createdAtMs,
    version,
    ...present,
  };
}
