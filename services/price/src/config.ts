/** Settings of the process `price`; feeds and policies are in their documents, not here. */
import { postgresSettings, Type } from '@weir/config';
import { processSettings, type ProcessConfig } from '@weir/process';

const udpSettings = {
  WEIR_UDP_SECRET: Type.Optional(
    Type.String({
      pattern: '^[!-~]{32,}$',
      isSecret: true,
      expects: 'a text of 32 characters at least, without blanks',
      description: 'Seals the ids of UDP sessions; the same in every replica. Absent: nothing is served over UDP.',
    }),
  ),
  WEIR_UDP_PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 4404,
    description: 'UDP port to listen on, at the address of WEIR_HTTP_HOST; 0 takes any free one.',
  }),
};

const streamSettings = {
  WEIR_STREAMS_MAX: Type.Integer({
    minimum: 0,
    maximum: 100_000,
    default: 1_000,
    description: 'Streams of prices that may be open at once; 0 opens none.',
  }),
};

export const configSchema = Type.Object({ ...processSettings, ...postgresSettings, ...udpSettings, ...streamSettings });

/** The schema as read; see ProcessConfig for why it is spelled out. */
export interface Config extends ProcessConfig {
  readonly WEIR_POSTGRES_URL: string;
  readonly WEIR_UDP_SECRET?: string;
  readonly WEIR_UDP_PORT: number;
  readonly WEIR_STREAMS_MAX: number;
}
