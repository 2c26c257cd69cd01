/** The tables of keys and of whom they belong to. A migration is never edited once merged: add the next one. */
import type { Migration } from '@weir/postgres';

/**
 * `api_key.version` is raised by a trigger, so that no statement, by whomever, can change a key and leave the caches
 * believing that they hold its newest form. A key has several rows in `api_key_hash` while it rotates.
 */
const createKeyTables = `
CREATE TABLE app_user (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE team (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE project (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_key (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid REFERENCES app_user (id),
  project_id uuid NOT NULL REFERENCES project (id),
  team_id uuid REFERENCES team (id),
  name text NOT NULL,
  tier text NOT NULL CHECK (tier <> ''),
  policy text NOT NULL DEFAULT '',
  query_limit bigint CHECK (query_limit >= 0),
  current_usage bigint NOT NULL DEFAULT 0 CHECK (current_usage >= 0),
  rate_limit_qps double precision CHECK (rate_limit_qps > 0),
  burst_limit bigint CHECK (burst_limit > 0),
  minimum_wait_seconds double precision CHECK (minimum_wait_seconds >= 0),
  revoked boolean NOT NULL DEFAULT false,
  lrs_enabled boolean NOT NULL DEFAULT true,
  expires_at timestamptz,
  last_used timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_success timestamptz,
  version bigint NOT NULL DEFAULT 1
);
CREATE INDEX api_key_project ON api_key (project_id);

CREATE TABLE api_key_hash (
  sha256 text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  api_key_id uuid NOT NULL REFERENCES api_key (id),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_key_hash_key ON api_key_hash (api_key_id);

CREATE FUNCTION raise_api_key_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER api_key_version BEFORE UPDATE ON api_key
  FOR EACH ROW WHEN (NEW.* IS DISTINCT FROM OLD.*) EXECUTE FUNCTION raise_api_key_version();
`;

/**
 * A text may end before its key does. Its end is part of what is told of the key under that text, so it raises the
 * key's version as every other change. `withdrawn_at` says that the key is revoked only because its policy asks for it
 * no more; a revocation without it is final.
 */
const addKeyRotation = `
ALTER TABLE api_key_hash ADD COLUMN expires_at timestamptz;
ALTER TABLE api_key ADD COLUMN withdrawn_at timestamptz CHECK (withdrawn_at IS NULL OR revoked);
CREATE INDEX api_key_policy ON api_key (policy) WHERE policy <> '';

CREATE FUNCTION raise_version_of_hashed_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE api_key SET version = version + 1 WHERE id = NEW.api_key_id;
  RETURN NULL;
END $$;
CREATE TRIGGER api_key_hash_version AFTER UPDATE ON api_key_hash
  FOR EACH ROW WHEN (NEW.* IS DISTINCT FROM OLD.*) EXECUTE FUNCTION raise_version_of_hashed_key();
`;

/** Ids from 100: each package that owns tables has a hundred of its own. */
export const keyMigrations: readonly Migration[] = [
  { id: 100, name: 'create key tables', sql: createKeyTables },
  { id: 101, name: 'add key rotation', sql: addKeyRotation },
];
