/**
 * Every statement on the tables of keys, one a function.
 *
 * Records are selected as the texts that `apikey:<sha256>` holds, so that a key read from Postgres and one read from
 * Valkey go through the same decoder and cannot differ.
 */
import { defineStatement, type Queries } from '@weir/postgres';
import { decodeApiKeyRecord, type ApiKeyRecord } from '@weir/wire';

const isoText = (column: string): string =>
  `coalesce(to_char(key.${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '') AS ${column}`;
const text = (column: string): string => `coalesce(key.${column}::text, '') AS ${column}`;
const flag = (column: string): string => `CASE WHEN key.${column} THEN '1' ELSE '0' END AS ${column}`;

const RECORD_COLUMNS = [
  ...['id', 'user_id', 'project_id', 'team_id', 'name', 'tier', 'policy', 'query_limit', 'current_usage'].map(text),
  ...['rate_limit_qps', 'burst_limit', 'minimum_wait_seconds', 'version'].map(text),
  ...['revoked', 'lrs_enabled'].map(flag),
  ...['expires_at', 'last_used', 'created_at', 'last_success'].map(isoText),
].join(', ');

type RecordRow = Readonly<Record<string, string>>;

function readRecord(row: RecordRow | undefined): ApiKeyRecord {
  const record = row && decodeApiKeyRecord(row);
  if (record === undefined) throw new TypeError('a row of api_key is not a key record: its columns have changed');
  return record;
}

/** Index: `api_key_hash_pkey`, then `api_key_pkey`. */
const SELECT_BY_HASH = defineStatement<RecordRow>(
  'selectKeysByHash',
  `SELECT hash.sha256, ${RECORD_COLUMNS}
   FROM api_key_hash AS hash JOIN api_key AS key ON key.id = hash.api_key_id
   WHERE hash.sha256 = ANY ($1::text[])`,
);

/** The records of those of the given hashes that name a key. */
export async function findKeysByHash(
  queries: Queries,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, ApiKeyRecord>> {
  const rows = await queries.query(SELECT_BY_HASH, [hashes]);
  return new Map(rows.map((row) => [row['sha256'] ?? '', readRecord(row)]));
}

/** Index: `api_key_hash_key`. */
const SELECT_HASHES = defineStatement<{ readonly sha256: string }>(
  'selectHashesOfKey',
  'SELECT sha256 FROM api_key_hash WHERE api_key_id = $1',
);

/** Every hash under which a key can be asked for. */
export async function findHashesOfKey(queries: Queries, keyId: string): Promise<readonly string[]> {
  const rows = await queries.query(SELECT_HASHES, [keyId]);
  return rows.map(({ sha256 }) => sha256);
}

const LOCK_HASH = defineStatement(
  'lockKeyHash',
  `SELECT pg_advisory_xact_lock(hashtextextended('api_key_hash ' || $1, 0))`,
);

/** Until the end of the transaction nobody else issues this text: two callers with one text make one key. */
export async function lockKeyHash(queries: Queries, sha256: string): Promise<void> {
  await queries.query(LOCK_HASH, [sha256]);
}

/** Index: `project_name_key`. The update without effect is what makes RETURNING answer for an existing row. */
const UPSERT_PROJECT = defineStatement<{ readonly id: string }>(
  'upsertProject',
  `INSERT INTO project (name) VALUES ($1)
   ON CONFLICT (name) DO UPDATE SET name = excluded.name
   RETURNING id::text`,
);

/** The id of the project of this name, which need not have existed. */
export async function ensureProject(queries: Queries, name: string): Promise<string> {
  const [row] = await queries.query(UPSERT_PROJECT, [name]);
  if (row === undefined) throw new TypeError('an upsert of a project returned no row');
  return row.id;
}

/** What the issuer of a key decides about it. */
export interface KeyGrant {
  readonly name: string;
  readonly tier: string;
  readonly policy: string;
  readonly expiresAtMs: number | undefined;
}

const grantValues = (grant: KeyGrant): readonly (string | null)[] => [
  grant.name,
  grant.tier,
  grant.policy,
  grant.expiresAtMs === undefined ? null : new Date(grant.expiresAtMs).toISOString(),
];

const INSERT_KEY = defineStatement<RecordRow>(
  'insertKey',
  `WITH key AS (
     INSERT INTO api_key (name, tier, policy, expires_at, project_id) VALUES ($1, $2, $3, $4, $5) RETURNING *
   ), hash AS (
     INSERT INTO api_key_hash (sha256, api_key_id) SELECT $6, id FROM key
   )
   SELECT ${RECORD_COLUMNS} FROM key`,
);

/** A key and its first hash. */
export async function insertKey(
  queries: Queries,
  grant: KeyGrant,
  projectId: string,
  sha256: string,
): Promise<ApiKeyRecord> {
  const [row] = await queries.query(INSERT_KEY, [...grantValues(grant), projectId, sha256]);
  return readRecord(row);
}

/** Index: `api_key_pkey`. A grant that changes nothing leaves the version as it is. */
const UPDATE_GRANT = defineStatement<RecordRow>(
  'updateKeyGrant',
  `UPDATE api_key AS key SET name = $1, tier = $2, policy = $3, expires_at = $4
   WHERE id = $5 RETURNING ${RECORD_COLUMNS}`,
);

/** Gives an existing key another grant. */
export async function updateKeyGrant(queries: Queries, grant: KeyGrant, keyId: string): Promise<ApiKeyRecord> {
  const [row] = await queries.query(UPDATE_GRANT, [...grantValues(grant), keyId]);
  return readRecord(row);
}

/** Index: `api_key_pkey`. */
const SET_REVOKED = defineStatement<RecordRow>(
  'markKeyRevoked',
  `UPDATE api_key AS key SET revoked = true WHERE id = $1 RETURNING ${RECORD_COLUMNS}`,
);

/** Marks a key as revoked; `undefined` when there is no such key. */
export async function markKeyRevoked(queries: Queries, keyId: string): Promise<ApiKeyRecord | undefined> {
  const [row] = await queries.query(SET_REVOKED, [keyId]);
  return row && readRecord(row);
}
