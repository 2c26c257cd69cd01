/** Every instrument of prices over UDP. */
import type { HotCounter, Telemetry } from '@weir/telemetry';

const IGNORED = ['malformed', 'skewed', 'session', 'hmac', 'replay', 'replay_full', 'busy'] as const;

export interface UdpMetrics {
  // What is asked, and how does it end?
  readonly answered: HotCounter;
  readonly refused4xx: HotCounter;
  readonly refused5xx: HotCounter;
  // What gets no answer, and why?
  readonly ignored: Readonly<Record<(typeof IGNORED)[number], HotCounter>>;
  // How often are sessions not in memory?
  readonly sessionsCreated: HotCounter;
  readonly sessionReads: HotCounter;
}

export function createUdpMetrics(telemetry: Telemetry): UdpMetrics {
  const responses = (status: string): HotCounter =>
    telemetry.counter('weir.price.udp.responses', {
      description: 'Answers over UDP by class of status',
      unit: '{response}',
      attributes: { status },
    });
  const ignored = (reason: string): HotCounter =>
    telemetry.counter('weir.price.udp.ignored', {
      description: 'Datagrams that got no answer',
      unit: '{datagram}',
      attributes: { reason },
    });
  return {
    answered: responses('2xx'),
    refused4xx: responses('4xx'),
    refused5xx: responses('5xx'),
    // Each name of the list: what `fromEntries` cannot tell.
    ignored: Object.fromEntries(IGNORED.map((reason) => [reason, ignored(reason)])) as UdpMetrics['ignored'],
    sessionsCreated: telemetry.counter('weir.price.udp.sessions_created', {
      description: 'UDP sessions that were created here',
      unit: '{session}',
    }),
    sessionReads: telemetry.counter('weir.price.udp.session_reads', {
      description: 'Looks into Valkey for a UDP session that is not in memory',
      unit: '{read}',
    }),
  };
}
