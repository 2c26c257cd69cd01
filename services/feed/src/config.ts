/** Settings of the process `feed`; what it listens to and how it publishes is in its document, not here. */
import { Type } from '@weir/config';
import { parameters } from '@weir/keyspace';
import { processSettings, type ProcessConfig } from '@weir/process';

export const configSchema = Type.Object({
  WEIR_FEED: Type.String({
    pattern: `^${parameters.namespace.pattern}/${parameters.name.pattern}$`,
    expects: '<namespace>/<name> of a PriceFeed',
    example: 'weir/majors',
    description: 'The PriceFeed that this process serves.',
  }),
  ...processSettings,
});

/** The schema as read; see ProcessConfig for why it is spelled out. */
export interface Config extends ProcessConfig {
  readonly WEIR_FEED: string;
}
