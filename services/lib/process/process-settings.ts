/** The settings of every process that serves HTTP and uses Valkey, and what they say of Valkey. */
import {
  ConfigError,
  httpSettings,
  lifecycleSettings,
  nodeSettings,
  telemetrySettings,
  valkeySettings,
} from '@weir/config';
import { parseValkeyUrl, type ValkeyTarget } from '@weir/valkey';

/** To spread into a process's schema. */
export const processSettings = {
  ...nodeSettings,
  ...httpSettings,
  ...valkeySettings,
  ...telemetrySettings,
  ...lifecycleSettings,
};

/** `processSettings` as read. Spelled out: comparing two expansions of a schema takes the compiler seconds. */
export interface ProcessConfig {
  readonly WEIR_NODE_NAME: string;
  readonly WEIR_HTTP_HOST: string;
  readonly WEIR_HTTP_PORT: number;
  readonly WEIR_VALKEY_URL: string;
  readonly WEIR_VALKEY_USERNAME?: string;
  readonly WEIR_VALKEY_PASSWORD?: string;
  readonly WEIR_VALKEY_TLS_CA_FILE?: string;
  readonly WEIR_VALKEY_TLS_SERVERNAME?: string;
  readonly WEIR_LOG_LEVEL: string;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string;
  readonly WEIR_TRACE_SAMPLE_RATIO: number;
  readonly WEIR_STOP_DEADLINE_MS: number;
}

/**
 * The address with what the other settings add to it; throws CONFIG_INVALID for an address that is none, for a file that
 * cannot be read, and for settings of TLS beside an address without it: whoever set those expects no password in clear.
 */
export function valkeyTargetOf(config: ProcessConfig, readFile: (path: string) => string): ValkeyTarget {
  const target = parseValkeyUrl(config.WEIR_VALKEY_URL);
  const { WEIR_VALKEY_USERNAME: username, WEIR_VALKEY_PASSWORD: password } = config;
  const { WEIR_VALKEY_TLS_CA_FILE: caFile, WEIR_VALKEY_TLS_SERVERNAME: servername } = config;
  if (target.tls === undefined) refuseTlsSettings(config);
  const tls = target.tls && {
    ...(caFile !== undefined && { ca: readCaFile(caFile, readFile) }),
    ...(servername !== undefined && { servername }),
  };
  return {
    ...target,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
  };
}

function refuseTlsSettings(config: ProcessConfig): void {
  const names = (['WEIR_VALKEY_TLS_CA_FILE', 'WEIR_VALKEY_TLS_SERVERNAME'] as const).filter(
    (name) => config[name] !== undefined,
  );
  if (names.length === 0) return;
  const problem = 'is set, but the address of Valkey is not one for TLS: everything would be sent in clear';
  throw new ConfigError(
    names.map((name) => ({ name, problem, fix: `In WEIR_VALKEY_URL use rediss://, or remove ${name}.` })),
  );
}

function readCaFile(path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path);
  } catch (err) {
    const reason = err instanceof Error ? err.message : String(err);
    const problem = `names a file that cannot be read (${reason})`;
    const fix = 'Set it to the path of a PEM file that this process may read.';
    throw new ConfigError([{ name: 'WEIR_VALKEY_TLS_CA_FILE', problem, fix }]);
  }
}
