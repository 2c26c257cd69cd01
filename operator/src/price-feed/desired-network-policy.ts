/**
 * What the pods of a feed may talk to: names, Valkey, exchanges, the collector; and who may ask for health and metrics.
 *
 * Ports are restricted and not addresses: exchanges have none that last, and Valkey may be anywhere. Most networks look
 * at the port behind a Service, so a Service in front of one of these is to have the port of its pods.
 */
import { findVenue } from '@weir/venues';
import type { FeedSettings, VenueAddress } from '../config.ts';
import { childOf, type ChildObject } from './desired-child.ts';
import { HTTP_PORT } from './desired-config.ts';
import { selectorLabels, type PriceFeed } from './price-feed.ts';

/** The second one is where the DNS pods of some distributions listen behind their Service. */
const DNS_PORTS = [53, 5353];
const HTTPS_PORT = 443;

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'http:': 80,
  'ws:': 80,
  'https:': HTTPS_PORT,
  'wss:': HTTPS_PORT,
  'redis:': 6379,
  'rediss:': 6379,
  'valkey:': 6379,
  'valkeys:': 6379,
};

export function networkPolicyOf(
  feed: PriceFeed,
  settings: FeedSettings,
  venueAddresses: Readonly<Record<string, VenueAddress>>,
): ChildObject | undefined {
  if (!settings.hasNetworkPolicy) return undefined;
  const ports = new Set([HTTPS_PORT, ...outgoing(feed, settings, venueAddresses).flatMap(portOf)]);
  const tcp = [...ports].toSorted((a, b) => a - b).map((port) => ({ protocol: 'TCP', port }));
  const dns = DNS_PORTS.flatMap((port) => [
    { protocol: 'UDP', port },
    { protocol: 'TCP', port },
  ]);
  return childOf(feed, 'NetworkPolicy', {
    spec: {
      podSelector: { matchLabels: selectorLabels(feed.metadata.name) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [{ protocol: 'TCP', port: HTTP_PORT }] }],
      egress: [{ ports: dns }, { ports: tcp }],
    },
  });
}

function outgoing(
  { spec }: PriceFeed,
  { valkeyUrl, otlpEndpoint }: FeedSettings,
  venueAddresses: Readonly<Record<string, VenueAddress>>,
): readonly string[] {
  const venues = spec.sources.flatMap(({ exchange, url, restUrl }) => {
    const address = venueAddresses[exchange];
    const venue = findVenue(exchange);
    return [url ?? address?.url ?? venue?.defaultUrl, restUrl ?? address?.restUrl ?? venue?.defaultRestUrl];
  });
  return [valkeyUrl, otlpEndpoint, ...venues].filter((text) => text !== undefined);
}

/** Nothing for what is no address, which the feed itself will complain about. */
function portOf(text: string): readonly number[] {
  if (!URL.canParse(text)) return [];
  const { port, protocol } = new URL(text);
  const number = port === '' ? DEFAULT_PORTS[protocol] : Number(port);
  return number === undefined ? [] : [number];
}
