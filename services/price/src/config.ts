/** Settings of the process `price`; feeds and policies are in their documents, not here. */
import { postgresSettings, Type } from '@weir/config';
import { processSettings, type ProcessConfig } from '@weir/process';

export const configSchema = Type.Object({ ...processSettings, ...postgresSettings });

/** The schema as read; see ProcessConfig for why it is spelled out. */
export interface Config extends ProcessConfig {
  readonly WEIR_POSTGRES_URL: string;
}
