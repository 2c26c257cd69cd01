/** Settings of the process `feed`; what it listens to and how it publishes is in its document, not here. */
import {
  httpSettings,
  lifecycleSettings,
  nodeSettings,
  telemetrySettings,
  Type,
  valkeySettings,
  type Static,
} from '@weir/config';
import { parameters } from '@weir/keyspace';
import { parseValkeyUrl, type ValkeyTarget } from '@weir/valkey';

export const configSchema = Type.Object({
  WEIR_FEED: Type.String({
    pattern: `^${parameters.namespace.pattern}/${parameters.name.pattern}$`,
    expects: '<namespace>/<name> of a PriceFeed',
    example: 'weir/majors',
    description: 'The PriceFeed that this process serves.',
  }),
  ...nodeSettings,
  ...httpSettings,
  ...valkeySettings,
  ...telemetrySettings,
  ...lifecycleSettings,
});

export type Config = Readonly<Static<typeof configSchema>>;

/** The address with what the other settings add to it; throws CONFIG_INVALID for an address that is none. */
export function valkeyTargetOf(config: Config, readFile: (path: string) => string): ValkeyTarget {
  const target = parseValkeyUrl(config.WEIR_VALKEY_URL);
  const { WEIR_VALKEY_USERNAME: username, WEIR_VALKEY_PASSWORD: password } = config;
  const { WEIR_VALKEY_TLS_CA_FILE: caFile, WEIR_VALKEY_TLS_SERVERNAME: servername } = config;
  const tls = target.tls && {
    ...(caFile !== undefined && { ca: readFile(caFile) }),
    ...(servername !== undefined && { servername }),
  };
  return {
    ...target,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
  };
}
