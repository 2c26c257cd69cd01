/**
 * What every process of Weir does before its own work: settings, logger, signals, telemetry, Valkey, and the way out
 * when one of them fails.
 *
 * Guarantees: `--help` lists all settings; wrong settings are named all at once and exit with status 2; a failed start,
 * or a Valkey that may evict keys, stops what has started and exits with status 1; a stop during the start is no
 * failure. Does not: connect (the process decides what it waits for), serve HTTP, or know Postgres.
 */
export { processSettings, valkeyTargetOf, type ProcessConfig } from './process-settings.ts';
export { runProcess, type ProcessOptions, type ProcessParts } from './run-process.ts';
