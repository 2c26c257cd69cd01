/**
 * A real Valkey server for standalone mode and tests: no persistence, `noeviction`, on the loopback interface.
 *
 * Guarantees: it ends with the process that started it, however that ends; Ctrl-C at the terminal does not reach it
 * first; its password is in no argument list. Does not: keep data, nor offer TLS.
 */
export { findValkeyServer } from './server-binary.ts';
export { startEmbeddedValkey, type EmbeddedValkey, type EmbeddedValkeyOptions } from './start-embedded-valkey.ts';
