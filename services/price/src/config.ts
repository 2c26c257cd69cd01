/** Settings of the process `price`; feeds and policies are in their documents, not here. */
import {
  httpSettings,
  lifecycleSettings,
  nodeSettings,
  postgresSettings,
  telemetrySettings,
  Type,
  valkeySettings,
  type Static,
} from '@weir/config';

export const configSchema = Type.Object({
  ...nodeSettings,
  ...httpSettings,
  ...valkeySettings,
  ...postgresSettings,
  ...telemetrySettings,
  ...lifecycleSettings,
});

export type Config = Readonly<Static<typeof configSchema>>;
