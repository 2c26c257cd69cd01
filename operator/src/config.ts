/** Settings of the process `operator`: where it works, and what it hands on to the feeds it runs. */
import { ConfigError, loadConfig, postgresSettings, Type, type ConfigFault, type Environment } from '@weir/config';
import { parameters } from '@weir/keyspace';
import { processSettings, type ProcessConfig } from '@weir/process';

const namespaceName = Type.String({ pattern: `^${parameters.namespace.pattern}$`, expects: 'the name of a namespace' });

const ADDRESS = '[a-z]+://[^\\s,|]+';

export const configSchema = Type.Object({
  WEIR_OPERATOR_NAMESPACE: Type.String({
    pattern: `^${parameters.namespace.pattern}$`,
    expects: 'the name of a namespace',
    example: 'weir',
    description: 'The namespace that this process runs in; its Lease is there.',
  }),
  WEIR_WATCH_NAMESPACES: Type.Optional(
    Type.Array(namespaceName, {
      example: 'weir,shop',
      description: 'Namespaces whose resources are looked after. Absent: all of them.',
    }),
  ),
  WEIR_TRUSTED_NAMESPACES: Type.Optional(
    Type.Array(namespaceName, {
      example: 'weir',
      description: 'Namespaces whose feeds may publish and whose policies may bind tiers. Absent: its own.',
    }),
  ),
  WEIR_FEED_IMAGE: Type.String({
    pattern: '^[^\\s]+$',
    expects: 'the reference of an image',
    example: 'weir.dev/weir:0.1.0',
    description: 'Image of the pods of feeds that name none.',
  }),
  WEIR_FEED_IMAGE_PULL_POLICY: Type.Enum(['Always', 'IfNotPresent', 'Never'], {
    default: 'IfNotPresent',
    description: 'When the nodes fetch that image.',
  }),
  WEIR_FEED_IMAGE_PULL_SECRETS: Type.Optional(
    Type.Array(Type.String({ pattern: `^${parameters.name.pattern}$`, expects: 'the name of a Secret' }), {
      example: 'registry',
      description: 'Secrets for fetching it, by name; they must exist in the namespace of each feed.',
    }),
  ),
  WEIR_FEED_VALKEY_URL: Type.Optional(
    Type.String({
      pattern: '^(redis|rediss|valkey|valkeys)://[^\\s@]+$',
      expects: 'an address that begins with redis:// or rediss:// and holds neither user nor password',
      example: 'redis://valkey.weir.svc:6379',
      description: 'Address of Valkey for feeds. Absent: WEIR_VALKEY_URL without its user and password.',
    }),
  ),
  WEIR_FEED_VALKEY_USERNAME: Type.String({ default: 'feed', description: 'ACL user of feeds.' }),
  WEIR_FEED_VALKEY_PASSWORD: Type.Optional(
    Type.String({
      isSecret: true,
      description: 'Its password. Required as soon as the operator itself logs in to Valkey.',
    }),
  ),
  WEIR_FEED_NETWORK_POLICY: Type.Boolean({ default: true, description: 'Whether each feed gets a NetworkPolicy.' }),
  WEIR_FEED_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s]+$',
      expects: 'an address that begins with http:// or https://',
      example: 'http://otel-collector:4318',
      description: 'Collector for the metrics and traces of feeds.',
    }),
  ),
  WEIR_VENUE_ADDRESSES: Type.Optional(
    Type.Array(
      Type.String({
        pattern: `^${parameters.venue.pattern}=${ADDRESS}\\|${ADDRESS}$`,
        expects: 'an exchange, =, its WebSocket address, a bar and its REST address',
      }),
      {
        example: 'coinbase=ws://exchanges:8090/coinbase|http://exchanges:8090/coinbase',
        description: 'Addresses of exchanges for sources that name none, such as those of simulated venues.',
      },
    ),
  ),
  WEIR_KEY_MODE: Type.Enum(['live', 'test'], {
    default: 'live',
    description: 'What issued keys begin with: weir_live_ or weir_test_.',
  }),
  KUBECONFIG: Type.Optional(
    Type.String({
      example: '~/.kube/config',
      description: 'File with the address of the API server and the login. Absent: the service account of the pod.',
    }),
  ),
  WEIR_KUBE_REQUESTS_PER_SECOND: Type.Number({
    minimum: 1,
    maximum: 1000,
    default: 200,
    description: 'Calls to the API server per second, on average; watches and the Lease are not counted.',
  }),
  WEIR_KUBE_BURST: Type.Integer({
    minimum: 1,
    maximum: 2000,
    default: 400,
    description: 'Calls that may be sent at once before that average holds.',
  }),
  ...processSettings,
  ...postgresSettings,
});

/** The schema as read; see ProcessConfig for why it is spelled out. */
export interface Config extends ProcessConfig {
  readonly WEIR_OPERATOR_NAMESPACE: string;
  readonly WEIR_WATCH_NAMESPACES?: readonly string[];
  readonly WEIR_TRUSTED_NAMESPACES?: readonly string[];
  readonly WEIR_FEED_IMAGE: string;
  readonly WEIR_FEED_IMAGE_PULL_POLICY: string;
  readonly WEIR_FEED_IMAGE_PULL_SECRETS?: readonly string[];
  readonly WEIR_FEED_VALKEY_URL?: string;
  readonly WEIR_FEED_VALKEY_USERNAME: string;
  readonly WEIR_FEED_VALKEY_PASSWORD?: string;
  readonly WEIR_FEED_NETWORK_POLICY: boolean;
  readonly WEIR_FEED_OTLP_ENDPOINT?: string;
  readonly WEIR_VENUE_ADDRESSES?: readonly string[];
  readonly WEIR_KEY_MODE: string;
  readonly KUBECONFIG?: string;
  readonly WEIR_KUBE_REQUESTS_PER_SECOND: number;
  readonly WEIR_KUBE_BURST: number;
  readonly WEIR_POSTGRES_URL: string;
}

export interface VenueAddress {
  /** WebSocket. */
  readonly url: string;
  readonly restUrl: string;
}

export interface FeedSettings {
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly imagePullSecrets: readonly string[];
  /** Without user and password. */
  readonly valkeyUrl: string;
  readonly valkeyUsername: string;
  /** Absent: Valkey asks for none. */
  readonly valkeyPassword?: string;
  /** PEM. */
  readonly valkeyCa?: string;
  readonly valkeyServername?: string;
  readonly hasNetworkPolicy: boolean;
  readonly otlpEndpoint?: string;
}

/** What controllers work by. */
export interface OperatorSettings {
  /** The operator's own. */
  readonly namespace: string;
  /** Empty: all. */
  readonly watchNamespaces: readonly string[];
  /** Never empty. */
  readonly trustedNamespaces: readonly string[];
  readonly feed: FeedSettings;
  /** By exchange. */
  readonly venueAddresses: Readonly<Record<string, VenueAddress>>;
  readonly keyMode: 'live' | 'test';
}

/** Throws CONFIG_INVALID with every fault. */
export function readConfig(env: Environment): Config {
  const faults: ConfigFault[] = [];
  let config: Config | undefined;
  try {
    config = loadConfig(configSchema, env);
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err;
    faults.push(...err.faults);
  }
  faults.push(...passwordFaults(env));
  if (config === undefined || faults.length > 0) throw new ConfigError(faults);
  return config;
}

/** A Valkey that the operator must log in to would turn every feed away. */
function passwordFaults(env: Environment): readonly ConfigFault[] {
  const has = (name: string): boolean => (env[name] ?? '') !== '';
  const url = env['WEIR_VALKEY_URL'] ?? env['REDIS_URL'] ?? '';
  const logsIn = has('WEIR_VALKEY_PASSWORD') || /^[a-z]+:\/\/[^/]*:[^/]*@/.test(url);
  if (!logsIn || has('WEIR_FEED_VALKEY_PASSWORD')) return [];
  const problem = 'is not set, but the operator itself logs in to Valkey, so feeds must too';
  const fix = 'Set WEIR_FEED_VALKEY_PASSWORD to the password of the ACL user of feeds.';
  return [{ name: 'WEIR_FEED_VALKEY_PASSWORD', problem, fix }];
}

export function settingsOf(config: Config, readFile: (path: string) => string): OperatorSettings {
  const namespace = config.WEIR_OPERATOR_NAMESPACE;
  return {
    namespace,
    watchNamespaces: unique(config.WEIR_WATCH_NAMESPACES ?? []),
    trustedNamespaces: unique(config.WEIR_TRUSTED_NAMESPACES ?? [namespace]),
    feed: feedSettingsOf(config, readFile),
    venueAddresses: Object.fromEntries((config.WEIR_VENUE_ADDRESSES ?? []).map(venueAddressOf)),
    keyMode: config.WEIR_KEY_MODE === 'test' ? 'test' : 'live',
  };
}

function feedSettingsOf(config: Config, readFile: (path: string) => string): FeedSettings {
  const { WEIR_FEED_VALKEY_PASSWORD: valkeyPassword, WEIR_FEED_OTLP_ENDPOINT: otlpEndpoint } = config;
  const { WEIR_VALKEY_TLS_CA_FILE: caFile, WEIR_VALKEY_TLS_SERVERNAME: valkeyServername } = config;
  return {
    image: config.WEIR_FEED_IMAGE,
    // The schema admits these three.
    imagePullPolicy: config.WEIR_FEED_IMAGE_PULL_POLICY as FeedSettings['imagePullPolicy'],
    imagePullSecrets: config.WEIR_FEED_IMAGE_PULL_SECRETS ?? [],
    valkeyUrl: config.WEIR_FEED_VALKEY_URL ?? withoutLogin(config.WEIR_VALKEY_URL),
    valkeyUsername: config.WEIR_FEED_VALKEY_USERNAME,
    ...(valkeyPassword !== undefined && { valkeyPassword }),
    ...(caFile !== undefined && { valkeyCa: readFile(caFile) }),
    ...(valkeyServername !== undefined && { valkeyServername }),
    hasNetworkPolicy: config.WEIR_FEED_NETWORK_POLICY,
    ...(otlpEndpoint !== undefined && { otlpEndpoint }),
  };
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];

function withoutLogin(url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z]+:\/\/)(?:[^/]*@)?(.*)$/.exec(url) ?? [];
  return `${scheme}${rest}`;
}

function venueAddressOf(text: string): [string, VenueAddress] {
  const at = text.indexOf('=');
  const [url = '', restUrl = ''] = text.slice(at + 1).split('|');
  return [text.slice(0, at), { url, restUrl }];
}
