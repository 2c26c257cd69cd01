/** The workload of a feed. Pure: the same feed and settings always give the same object. */
import type { FeedSettings } from '../config.ts';
import { feedResources } from './feed-resources.ts';
import { CA_FOLDER, CA_KEY, HTTP_PORT } from './desired-config.ts';
import { childOf, hashOf, type ChildObject } from './desired-child.ts';
import { childLabels, childName, selectorLabels, type PriceFeed } from './price-feed.ts';

const USER = 65_532;
const CA_VOLUME = 'valkey-ca';
/** Pods start anew when what they read at their start has changed. */
const CONFIG_HASH = 'weir.dev/config-hash';

export interface DeploymentInputs {
  readonly replicas: number;
  /** What the pods read at their start: settings, and what stands for the login. */
  readonly configMap: ChildObject;
  readonly loginMark: string;
}

export function deploymentOf(feed: PriceFeed, settings: FeedSettings, inputs: DeploymentInputs): ChildObject {
  const { name } = feed.metadata;
  const { podLabels = {}, podAnnotations = {} } = feed.spec.workload;
  const configHash = hashOf([inputs.configMap['data'], inputs.loginMark]);
  return childOf(feed, 'Deployment', {
    spec: {
      replicas: inputs.replicas,
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 300,
      // The new one is ready before an old one goes, and there is never more than one pod too many.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: selectorLabels(name) },
      template: {
        metadata: {
          // Those that the pods are found by win over the user's.
          labels: { ...podLabels, ...childLabels(name) },
          annotations: { ...podAnnotations, [CONFIG_HASH]: configHash },
        },
        spec: podSpecOf(feed, settings),
      },
    },
  });
}

function podSpecOf(feed: PriceFeed, settings: FeedSettings): Readonly<Record<string, unknown>> {
  const { name } = feed.metadata;
  const { nodeSelector, tolerations, topologySpreadConstraints = spread(name) } = feed.spec.workload;
  const { imagePullSecrets, valkeyCa } = settings;
  return {
    serviceAccountName: childName(name),
    automountServiceAccountToken: false,
    // A Service called weir-http would set WEIR_HTTP_PORT.
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((secret) => ({ name: secret })) }),
    ...(isFilled(nodeSelector) && { nodeSelector }),
    ...(isFilled(tolerations) && { tolerations }),
    ...(isFilled(topologySpreadConstraints) && { topologySpreadConstraints }),
    containers: [containerOf(feed, settings)],
    ...(valkeyCa !== undefined && {
      volumes: [{ name: CA_VOLUME, secret: { secretName: childName(name), items: [{ key: CA_KEY, path: CA_KEY }] } }],
    }),
  };
}

function containerOf(feed: PriceFeed, settings: FeedSettings): Readonly<Record<string, unknown>> {
  const name = childName(feed.metadata.name);
  const { assets, sources, workload } = feed.spec;
  const { image = settings.image, resources = {} } = workload;
  return {
    name: 'feed',
    image,
    imagePullPolicy: settings.imagePullPolicy,
    args: ['/app/feed.mjs'],
    // The status tells from its last words why a pod does not stay up.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    env: environmentOf(name, settings),
    envFrom: [{ configMapRef: { name } }],
    ports: [{ name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' }],
    resources: isFilled(resources) ? resources : feedResources(assets.length, sources.length),
    // A feed waits for Valkey without being ready, for as long as it takes; only a stuck event loop is restarted.
    livenessProbe: { httpGet: { path: '/livez', port: 'http' }, periodSeconds: 10, timeoutSeconds: 5 },
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 2, timeoutSeconds: 2 },
    // Whoever scrapes it hears first that it goes.
    lifecycle: { preStop: { sleep: { seconds: 2 } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    ...(settings.valkeyCa !== undefined && {
      volumeMounts: [{ name: CA_VOLUME, mountPath: CA_FOLDER, readOnly: true }],
    }),
  };
}

function environmentOf(secret: string, { valkeyPassword }: FeedSettings): readonly unknown[] {
  const fromSecret = (name: string): unknown => ({ name, valueFrom: { secretKeyRef: { name: secret, key: name } } });
  return [
    { name: 'WEIR_NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ...(valkeyPassword === undefined ? [] : ['WEIR_VALKEY_USERNAME', 'WEIR_VALKEY_PASSWORD'].map(fromSecret)),
  ];
}

/** The standby elsewhere than the active one, as far as there is room; each version of the pods for itself. */
function spread(feed: string): readonly Readonly<Record<string, unknown>>[] {
  return ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selectorLabels(feed) },
    matchLabelKeys: ['pod-template-hash'],
  }));
}

function isFilled(value: object | undefined): boolean {
  return value !== undefined && Object.keys(value).length > 0;
}
