/** Renders the charts with the helm that is on PATH (or the one WEIR_HELM names), and reads what comes out. */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

export const root = path.resolve(import.meta.dirname, '../..');
export const umbrella = path.join(root, 'charts/weir');
export const subcharts = ['weir-crds', 'weir-operator', 'weir-services', 'valkey'].map((name) =>
  path.join(umbrella, 'charts', name),
);
export const valuesFiles = globSync('values-*.yaml', { cwd: umbrella }).toSorted();

const helm = process.env['WEIR_HELM'] ?? 'helm';
export const hasHelm = spawnSync(helm, ['version', '--short'], { stdio: 'ignore' }).status === 0;
/** Where helm must be, its absence is a fault. */
export const isHelmRequired = process.env['WEIR_REQUIRE_HELM'] === '1';

type Labels = Readonly<Record<string, string>>;

export interface Probe {
  readonly exec?: { readonly command: readonly string[] };
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: unknown;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext?: unknown;
  readonly lifecycle?: unknown;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly resources?: { readonly requests?: Labels; readonly limits?: Labels };
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext?: unknown;
  readonly enableServiceLinks?: boolean;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly hostNetwork?: boolean;
  readonly volumes?: readonly { readonly name: string; readonly hostPath?: unknown }[];
  readonly topologySpreadConstraints?: readonly { readonly matchLabelKeys?: readonly string[] }[];
  readonly imagePullSecrets?: readonly { readonly name: string }[];
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** As much of a manifest as the tests look at. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Labels;
    readonly annotations?: Labels;
  };
  readonly data?: Labels;
  readonly rules?: readonly Rule[];
  readonly automountServiceAccountToken?: boolean;
  readonly spec?: {
    readonly replicas?: number;
    readonly type?: string;
    readonly selector?: { readonly matchLabels?: Labels } & Readonly<Record<string, unknown>>;
    readonly template?: {
      readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
      readonly spec: PodSpec;
    };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly labels?: Labels } }[];
    readonly ports?: readonly { readonly name: string; readonly port: number; readonly protocol?: string }[];
    readonly [member: string]: unknown;
  };
}

export interface Rendering {
  readonly chart?: string;
  readonly release?: string;
  readonly namespace?: string;
  /** Files beside the umbrella chart. */
  readonly files?: readonly string[];
  readonly values?: object;
}

/** What every rendering of the umbrella needs: a choice of Postgres. */
export const ownPostgres = { global: { postgres: { existingSecret: 'database' } } };

function helmArgs({ chart = umbrella, release = 'weir', namespace = 'shop', files = [] }: Rendering): string[] {
  const valuesFlags = files.flatMap((name) => ['--values', path.join(umbrella, name)]);
  // helm that was built from source says that it is for an ancient Kubernetes.
  return [
    'template',
    release,
    chart,
    '--namespace',
    namespace,
    '--kube-version',
    '1.35.0',
    ...valuesFlags,
    '--values',
    '-',
  ];
}

export function renderText(rendering: Rendering): string {
  return execFileSync(helm, helmArgs(rendering), {
    encoding: 'utf8',
    input: JSON.stringify(rendering.values ?? {}),
    maxBuffer: 32_000_000,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

/** What helm says when it refuses; fails when it does not. */
export function refusalOf(rendering: Rendering): string {
  const { status, stderr } = spawnSync(helm, helmArgs(rendering), {
    encoding: 'utf8',
    input: JSON.stringify(rendering.values ?? {}),
  });
  if (status === 0) throw new Error('helm has not refused these values');
  return stderr;
}

/** Throws for a key that stands twice. */
export function readManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0] ?? new Error('unreadable');
    const manifest: unknown = document.toJS();
    // The API server is what checks the form; the tests find out what they ask for.
    return manifest === null ? [] : [manifest as Manifest];
  });
}

export const render = (rendering: Rendering): readonly Manifest[] => readManifests(renderText(rendering));

export function lint(chart: string, files: readonly string[] = []): { readonly ok: boolean; readonly output: string } {
  const valuesFlags = files.flatMap((name) => ['--values', path.join(umbrella, name)]);
  const { status, stdout, stderr } = spawnSync(
    helm,
    ['lint', '--strict', '--kube-version', '1.35.0', chart, ...valuesFlags],
    {
      encoding: 'utf8',
    },
  );
  return { ok: status === 0, output: `${stdout}${stderr}` };
}

export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

/** The pods of a manifest, if it makes any; a hook is a pod itself. */
export function podOf({ kind, metadata, spec }: Manifest): { labels: Labels; spec: PodSpec } | undefined {
  if (kind === 'Pod') return { labels: metadata.labels ?? {}, spec: spec as unknown as PodSpec };
  return spec?.template === undefined ? undefined : { labels: spec.template.metadata.labels, spec: spec.template.spec };
}

export const decoded = (manifest: Manifest, key: string): string =>
  Buffer.from(manifest.data?.[key] ?? '', 'base64').toString('utf8');

/** Everything that can be switched on at once. */
export const everything = {
  global: {
    imageRegistry: 'registry.example:5000',
    imagePullSecrets: [{ name: 'pull' }],
    valkey: { tls: { enabled: true, existingSecret: 'valkey-tls', serverName: 'valkey.example' } },
    telemetry: { otlpEndpoint: 'http://collector:4318', traceSampleRatio: 0.5 },
    simulatedVenues: { enabled: true },
  },
  postgres: { trial: { enabled: true } },
  operator: {
    replicas: 2,
    watchNamespaces: ['shop', 'desk'],
    trustedNamespaces: ['desk'],
    feeds: { venueAddresses: { kraken: 'wss://proxy.example|https://proxy.example' } },
    extraEnv: [{ name: 'OTEL_EXPORTER_OTLP_HEADERS', value: 'a=b' }],
    metrics: { serviceMonitor: { enabled: true } },
    networkPolicy: { enabled: true },
  },
  services: {
    price: {
      autoscaling: { enabled: true },
      service: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', loadBalancerSourceRanges: ['10.0.0.0/8'] },
      udp: { enabled: true, type: 'NodePort', nodePort: 30404 },
      ingress: { enabled: true, className: 'nginx', hosts: [{ host: 'prices.example' }] },
      httpRoute: { enabled: true, parentRefs: [{ name: 'gateway' }], hostnames: ['prices.example'] },
      metrics: { serviceMonitor: { enabled: true } },
      networkPolicy: { enabled: true },
      podAnnotations: { note: 'x' },
      nodeSelector: { disk: 'ssd' },
      priorityClassName: 'high',
    },
  },
  valkey: { dataStorage: { enabled: true }, networkPolicy: { enabled: true }, valkeyConfig: 'io-threads 2' },
};
