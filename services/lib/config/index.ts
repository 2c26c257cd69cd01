/**
 * Environment variables as typed, frozen configuration.
 *
 * Guarantees: every fault is reported at once, with its name and its fix; the value of a secret is never printed;
 * importing reads nothing, only `main.ts` passes `process.env`. Does not: read files, or change while running
 * (live documents come through Valkey).
 */
export { type FieldOptions } from './field.ts';
export { ConfigError, loadConfig, type ConfigFault, type Environment } from './load-config.ts';
export { settingsTable } from './settings-table.ts';
export {
  httpSettings,
  lifecycleSettings,
  nodeName,
  nodeSettings,
  postgresSettings,
  sharedSettings,
  telemetrySettings,
  valkeySettings,
} from './settings.ts';
export { Type, type Static } from 'typebox';
