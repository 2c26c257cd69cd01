/**
 * Access to Postgres: a pool, transactions and migrations.
 *
 * Guarantees: every statement ends within its time-out, also when the server hangs; every error is a WeirError that
 * says whether a retry can help; a lost connection never ends the process; concurrent migrators apply each migration
 * once. Does not: build SQL, retry, or know any table but its own list of migrations.
 */
export { migrate, type Migration } from './migrate.ts';
export { migrateWhenPossible } from './migrate-when-possible.ts';
export {
  createPostgres,
  type Postgres,
  type PostgresOptions,
  type Queries,
  type TransactionOptions,
} from './postgres.ts';
export { sqlState } from './postgres-errors.ts';
export { defineStatement, type Statement } from './statement.ts';
