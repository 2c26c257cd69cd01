/**
 * A real Postgres server for standalone mode and tests, on the loopback interface, with a random password.
 *
 * Guarantees: it ends with the process that started it, however that ends; Ctrl-C at the terminal does not reach it
 * first; it works for root too, under a user of its own. Does not: keep data unless a directory is given.
 */
export {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './start-embedded-postgres.ts';
