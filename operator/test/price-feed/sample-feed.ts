/** A PriceFeed as the API server gives it: read from YAML with the defaults of the schema, and born at a given second. */
import { createResourceReader, type PriceFeedSpec, type ResourceReader } from '@weir/crds';
import type { OperatorSettings } from '../../src/config.ts';
import type { PriceFeed } from '../../src/price-feed/price-feed.ts';

export interface SampleFeed {
  readonly name?: string;
  readonly namespace?: string;
  /** Second of its birth; a lower one is older. */
  readonly born?: number;
  readonly generation?: number;
  /** Of the spec; assets are BTC and ETH, with Kraken as the source, when it names none. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

export function sampleFeed(sample: SampleFeed = {}): PriceFeed {
  const { name = 'majors', namespace = 'weir', born = 0, generation = 1, spec } = sample;
  const sources = [{ name: 'kraken', exchange: 'kraken' }];
  const resource = {
    apiVersion: 'weir.dev/v1alpha1',
    kind: 'PriceFeed',
    metadata: { name, namespace },
    spec: { assets: ['BTC', 'ETH'], sources, ...spec },
  };
  return {
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    metadata: {
      name,
      namespace,
      uid: `uid-of-${namespace}-${name}-${born}`,
      generation,
      creationTimestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, born)).toISOString().replace('.000Z', 'Z'),
    },
    spec: withDefaults(resource),
    status: { observedGeneration: -1 },
  };
}

let reader: ResourceReader | undefined;

function withDefaults(resource: object): PriceFeedSpec {
  // Its making takes a tenth of a second.
  reader ??= createResourceReader();
  // JSON is YAML.
  const { resources, faults } = reader.read(JSON.stringify(resource), 'sample');
  const read = resources[0]?.resource;
  if (read?.kind !== 'PriceFeed') throw new Error(`no PriceFeed: ${JSON.stringify(faults)}`);
  return read.spec;
}

export const SAMPLE_SETTINGS: OperatorSettings = {
  namespace: 'weir',
  watchNamespaces: [],
  trustedNamespaces: ['weir'],
  feed: {
    image: 'weir.dev/weir:1',
    imagePullPolicy: 'IfNotPresent',
    imagePullSecrets: [],
    valkeyUrl: 'redis://valkey.weir.svc:6379',
    valkeyUsername: 'feed',
    valkeyPassword: 'secret',
    hasNetworkPolicy: true,
  },
  venueAddresses: {},
  keyMode: 'live',
};
