/** Brings the tables up to date, whoever else does so at the same moment. */
import { createHash } from 'node:crypto';

import { WeirError } from '@weir/errors';
import type { Logger } from '@weir/telemetry';

import type { Postgres, Queries } from './postgres.ts';
import { defineStatement } from './statement.ts';

export interface Migration {
  /** Ascending, never used again. Each package that owns tables has a hundred of its own: 100 to 199, 200 to 299. */
  readonly id: number;
  readonly name: string;
  /** Never edited once released. */
  readonly sql: string;
}

const IDS_PER_PACKAGE = 100;
/** A large table may take its time, as may whoever holds the lock. */
const STATEMENT_TIMEOUT_MS = 15 * 60_000;

/** Held until the end of the transaction; any number that nobody else uses. */
const LOCK = defineStatement('lockMigrations', 'SELECT pg_advisory_xact_lock(7302845104216637)');

const CREATE_TABLE = defineStatement(
  'createMigrationTable',
  `CREATE TABLE IF NOT EXISTS weir_migration (
     id integer PRIMARY KEY,
     name text NOT NULL,
     sha256 text NOT NULL,
     applied_at timestamptz NOT NULL DEFAULT now()
   )`,
);

interface Applied {
  readonly id: number;
  readonly name: string;
  readonly sha256: string;
}

/** The whole table, a few dozen rows. */
const SELECT_APPLIED = defineStatement<Applied>('selectMigrations', 'SELECT id, name, sha256 FROM weir_migration');

const INSERT_APPLIED = defineStatement(
  'insertMigration',
  'INSERT INTO weir_migration (id, name, sha256) VALUES ($1, $2, $3)',
);

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const packageOf = (id: number): number => Math.floor(id / IDS_PER_PACKAGE);

function refusal(detail: string): WeirError {
  return new WeirError('POSTGRES_REFUSED', { detail });
}

/** The first that is not applied; throws when what is applied is not what this release knows. */
export function nextMigration(migrations: readonly Migration[], applied: readonly Applied[]): Migration | undefined {
  const sorted = migrations.toSorted((a, b) => a.id - b.id);
  for (const { id, name, sha256: digest } of applied) {
    const known = sorted.find((migration) => migration.id === id);
    if (known !== undefined && sha256(known.sql) !== digest) {
      throw refusal(`migration ${id} (${name}) was edited after it had been applied: undo the edit, add a migration`);
    }
    const newest = sorted.findLast((migration) => packageOf(migration.id) === packageOf(id));
    if (known === undefined && newest !== undefined && id > newest.id) {
      throw refusal(`the database has migration ${id} (${name}) of a newer release: run that release`);
    }
  }
  return sorted.find((migration) => !applied.some(({ id }) => id === migration.id));
}

async function applyNext(tx: Queries, migrations: readonly Migration[]): Promise<Migration | undefined> {
  await tx.query(LOCK);
  await tx.query(CREATE_TABLE);
  const next = nextMigration(migrations, await tx.query(SELECT_APPLIED));
  if (next === undefined) return undefined;
  await tx.query(next.sql);
  await tx.query(INSERT_APPLIED, [next.id, next.name, sha256(next.sql)]);
  return next;
}

/**
 * Applies what is missing in the order of ids, each with its record in one transaction under a lock that all processes
 * share. Rejects, having changed nothing, when a migration was edited or when the database is ahead of this release.
 */
export async function migrate(postgres: Postgres, migrations: readonly Migration[], logger: Logger): Promise<void> {
  for (;;) {
    const applied = await postgres.transaction((tx) => applyNext(tx, migrations), {
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
    if (applied === undefined) return;
    logger.info({ id: applied.id, migration: applied.name }, 'migration applied');
  }
}
