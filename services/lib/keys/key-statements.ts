/**
 * Every statement on the tables of keys, one a function.
 *
 * Records are selected as the texts that `apikey:<sha256>` holds, so that a key read from Postgres and one read from
 * Valkey go through the same decoder and cannot differ. A record belongs to one text of the key: it ends with the key or
 * with that text, whichever is first.
 */
import { defineStatement, type Queries } from '@weir/postgres';
import { decodeApiKeyRecord, type ApiKeyRecord } from '@weir/wire';

const isoText = (expression: string, name: string): string =>
  `coalesce(to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '') AS ${name}`;
const text = (column: string): string => `coalesce(key.${column}::text, '') AS ${column}`;
const flag = (column: string): string => `CASE WHEN key.${column} THEN '1' ELSE '0' END AS ${column}`;

const RECORD_COLUMNS = [
  ...['id', 'user_id', 'project_id', 'team_id', 'name', 'tier', 'policy', 'query_limit', 'current_usage'].map(text),
  ...['rate_limit_qps', 'burst_limit', 'minimum_wait_seconds', 'version'].map(text),
  ...['revoked', 'lrs_enabled'].map(flag),
  ...['last_used', 'created_at', 'last_success'].map((column) => isoText(`key.${column}`, column)),
  // Without an end of its own a text ends with its key: LEAST passes NULL over.
  isoText('least(key.expires_at, hash.expires_at)', 'expires_at'),
].join(', ');

/** After this long no cache holds a text that had ended, or a key that had been withdrawn, in another form. */
const FORGOTTEN = `interval '25 hours'`;

const SELECT_TEXTS = `SELECT hash.sha256, ${RECORD_COLUMNS}, project.name AS project,
    CASE WHEN key.withdrawn_at IS NOT NULL THEN '1' ELSE '0' END AS withdrawn,
    ${isoText('hash.expires_at', 'ends_at')},
    CASE WHEN hash.expires_at <= now() THEN '1' ELSE '0' END AS ended,
    CASE WHEN hash.expires_at <= now() - ${FORGOTTEN} THEN '1' ELSE '0' END AS forgotten
  FROM api_key_hash AS hash JOIN api_key AS key ON key.id = hash.api_key_id JOIN project ON project.id = key.project_id`;

type TextRow = Readonly<Record<string, string>>;

/** One text of a key, by its hash, and what the key is to whoever brings it. */
export interface KeyText {
  readonly sha256: string;
  readonly record: ApiKeyRecord;
  /** Name of the key's project. */
  readonly project: string;
  /** Revoked only because its policy asks for it no more. */
  readonly isWithdrawn: boolean;
  /** Of this text alone; absent: it ends with the key. */
  readonly endsAtMs?: number;
  /** By the clock of Postgres. */
  readonly hasEnded: boolean;
  /** It ended so long ago that no cache can hold it in another form. */
  readonly isForgotten: boolean;
}

function readText(row: TextRow): KeyText {
  const record = decodeApiKeyRecord(row);
  if (record === undefined) throw new TypeError('a row of api_key is not a key record: its columns have changed');
  const endsAt = row['ends_at'] ?? '';
  return {
    sha256: row['sha256'] ?? '',
    record,
    project: row['project'] ?? '',
    isWithdrawn: row['withdrawn'] === '1',
    ...(endsAt !== '' && { endsAtMs: Date.parse(endsAt) }),
    hasEnded: row['ended'] === '1',
    isForgotten: row['forgotten'] === '1',
  };
}

/** Index: `api_key_hash_pkey`, then `api_key_pkey`. */
const SELECT_BY_HASH = defineStatement<TextRow>(
  'selectKeysByHash',
  `${SELECT_TEXTS} WHERE hash.sha256 = ANY ($1::text[])`,
);

/** The texts among the given hashes that name a key. */
export async function findTexts(queries: Queries, hashes: readonly string[]): Promise<readonly KeyText[]> {
  return (await queries.query(SELECT_BY_HASH, [hashes])).map(readText);
}

/** The records of those of the given hashes that name a key. */
export async function findKeysByHash(
  queries: Queries,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, ApiKeyRecord>> {
  return new Map((await findTexts(queries, hashes)).map(({ sha256, record }) => [sha256, record]));
}

/** Index: `api_key_hash_key`. */
const SELECT_BY_ID = defineStatement<TextRow>('selectTextsOfKeys', `${SELECT_TEXTS} WHERE key.id = ANY ($1::uuid[])`);

/** Every text of these keys. */
export async function findTextsOfKeys(queries: Queries, ids: readonly string[]): Promise<readonly KeyText[]> {
  return (await queries.query(SELECT_BY_ID, [ids])).map(readText);
}

/** Index: `api_key_policy`, then `api_key_hash_key`. */
const SELECT_BY_POLICY = defineStatement<TextRow>(
  'selectTextsOfPolicy',
  `${SELECT_TEXTS}
   WHERE key.policy = $1 AND key.policy <> '' AND (NOT key.revoked OR key.withdrawn_at > now() - ${FORGOTTEN})
   ORDER BY hash.created_at, hash.sha256`,
);

/** Every text of the policy's keys that are not revoked, or were withdrawn so lately that a cache may not know yet. */
export async function findTextsOfPolicy(queries: Queries, policy: string): Promise<readonly KeyText[]> {
  return (await queries.query(SELECT_BY_POLICY, [policy])).map(readText);
}

export interface PolicyWithKeys {
  /** `<ns>/<name>`; whether there is such a policy is not known here. */
  readonly policy: string;
  /** False: all of them were withdrawn, so lately that a cache may not know yet. */
  readonly hasActive: boolean;
}

/** Index: `api_key_policy`. */
const SELECT_POLICIES = defineStatement<PolicyWithKeys>(
  'selectPoliciesWithKeys',
  `SELECT policy, bool_or(NOT revoked) AS "hasActive" FROM api_key
   WHERE policy <> '' AND (NOT revoked OR withdrawn_at > now() - ${FORGOTTEN}) GROUP BY policy`,
);

/** Every policy that has keys, or had some until lately. */
export function findPoliciesWithKeys(queries: Queries): Promise<readonly PolicyWithKeys[]> {
  return queries.query(SELECT_POLICIES);
}

const LOCK = defineStatement('lockKeyIssue', `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`);

/**
 * Until the end of the transaction nobody else issues this text, or a key of this policy: two callers with one text, or
 * one name, make one key. Always in this order, so that two never wait for each other.
 */
export async function lockIssue(queries: Queries, policy: string, sha256: string): Promise<void> {
  if (policy !== '') await queries.query(LOCK, [`api_key policy ${policy}`]);
  await queries.query(LOCK, [`api_key_hash ${sha256}`]);
}

const INSERT_PROJECT = defineStatement(
  'insertProject',
  'INSERT INTO project (name) VALUES ($1) ON CONFLICT DO NOTHING',
);
/** Index: `project_name_key`. */
const SELECT_PROJECT = defineStatement<{ readonly id: string }>(
  'selectProject',
  'SELECT id::text FROM project WHERE name = $1',
);

/** The id of the project of this name, which need not have existed. */
export async function ensureProject(queries: Queries, name: string): Promise<string> {
  const [known] = await queries.query(SELECT_PROJECT, [name]);
  if (known !== undefined) return known.id;
  await queries.query(INSERT_PROJECT, [name]);
  const [made] = await queries.query(SELECT_PROJECT, [name]);
  if (made === undefined) throw new TypeError('a project that was just inserted is not there');
  return made.id;
}

/** What the issuer of a key decides about it. */
export interface KeyGrant {
  readonly name: string;
  readonly projectId: string;
  readonly tier: string;
  readonly policy: string;
  readonly expiresAtMs: number | undefined;
}

const instant = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

const grantValues = (grant: KeyGrant): readonly (string | null)[] => [
  grant.name,
  grant.tier,
  grant.policy,
  instant(grant.expiresAtMs),
  grant.projectId,
];

const INSERT_KEY = defineStatement<{ readonly id: string }>(
  'insertKey',
  `INSERT INTO api_key (name, tier, policy, expires_at, project_id) VALUES ($1, $2, $3, $4, $5) RETURNING id::text`,
);

/** A key that has no text yet; its id. */
export async function insertKey(queries: Queries, grant: KeyGrant): Promise<string> {
  const [row] = await queries.query(INSERT_KEY, grantValues(grant));
  if (row === undefined) throw new TypeError('an insert of a key returned no row');
  return row.id;
}

/** Index: `api_key_pkey`. A grant that changes nothing writes nothing. */
const UPDATE_GRANT = defineStatement(
  'updateKeyGrant',
  `UPDATE api_key SET name = $1::text, tier = $2::text, policy = $3::text, expires_at = $4::timestamptz,
     project_id = $5::uuid, revoked = revoked AND withdrawn_at IS NULL, withdrawn_at = NULL
   WHERE id = $6 AND (name, tier, policy, expires_at, project_id, revoked)
     IS DISTINCT FROM ($1::text, $2::text, $3::text, $4::timestamptz, $5::uuid, false)`,
);

/** Gives an existing key another grant, and brings it back if it was withdrawn; a revocation stays. */
export async function updateKeyGrant(queries: Queries, grant: KeyGrant, keyId: string): Promise<void> {
  await queries.query(UPDATE_GRANT, [...grantValues(grant), keyId]);
}

/** Index: `api_key_hash_pkey`. */
const KEEP_TEXT = defineStatement(
  'keepText',
  `INSERT INTO api_key_hash (sha256, api_key_id) VALUES ($1, $2)
   ON CONFLICT (sha256) DO UPDATE SET expires_at = NULL WHERE api_key_hash.expires_at IS NOT NULL`,
);

/** The text belongs to the key from now on, and ends with it. Whether it was another key's is the caller's to know. */
export async function keepText(queries: Queries, keyId: string, sha256: string): Promise<void> {
  await queries.query(KEEP_TEXT, [sha256, keyId]);
}

/** Index: `api_key_hash_key`. */
const END_TEXTS = defineStatement(
  'endTexts',
  `UPDATE api_key_hash SET expires_at = coalesce($3::timestamptz, now())
   WHERE api_key_id = $1 AND sha256 <> $2
     AND (expires_at IS NULL OR expires_at > coalesce($3::timestamptz, now()))`,
);

/** All texts of the key but one ("": none) end then, without `endsAtMs` now; those that end sooner stay as they are. */
export async function endTexts(
  queries: Queries,
  keyId: string,
  exceptSha256: string,
  endsAtMs: number | undefined,
): Promise<void> {
  await queries.query(END_TEXTS, [keyId, exceptSha256, instant(endsAtMs)]);
}

/** Index: `api_key_hash_key`. A text that ended a week ago is in no cache, and there may be one an hour. */
const DELETE_ENDED = defineStatement(
  'deleteEndedTexts',
  `DELETE FROM api_key_hash WHERE api_key_id = $1 AND expires_at < now() - interval '7 days'`,
);

/** Forgets the texts of a key that ended long ago. */
export async function deleteEndedTexts(queries: Queries, keyId: string): Promise<void> {
  await queries.query(DELETE_ENDED, [keyId]);
}

/** Index: `api_key_pkey`. A key that is revoked for good is not brought back by its policy. */
const SET_REVOKED = defineStatement<{ readonly id: string }>(
  'markKeyRevoked',
  'UPDATE api_key SET revoked = true, withdrawn_at = NULL WHERE id = $1 RETURNING id::text',
);

/** Marks a key as revoked for good; false when there is no such key. */
export async function markKeyRevoked(queries: Queries, keyId: string): Promise<boolean> {
  return (await queries.query(SET_REVOKED, [keyId])).length > 0;
}

/** Index: `api_key_pkey`. */
const WITHDRAW = defineStatement(
  'withdrawKeys',
  'UPDATE api_key SET revoked = true, withdrawn_at = now() WHERE id = ANY ($1::uuid[]) AND NOT revoked',
);

/** Revokes keys until their text is granted again. */
export async function withdrawKeysById(queries: Queries, ids: readonly string[]): Promise<void> {
  await queries.query(WITHDRAW, [ids]);
}
