/**
 * An operator in the test's own process: on the cluster's API server, with a Valkey of its own, for namespaces of its own.
 * So a test can end it, look into its Valkey, and count what it writes.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock } from '@weir/clock';
import { createPostgres } from '@weir/postgres';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';
import { inject } from 'vitest';
import { createApiKeyPolicyController } from '../../operator/src/api-key-policy/index.ts';
import { startOperator } from '../../operator/src/app.ts';
import { loadKubeConfig } from '../../operator/src/kube/index.ts';
import { createPriceFeedController } from '../../operator/src/price-feed/index.ts';
import { find, type KubeObject } from './kubectl.ts';
import { release } from './cluster.ts';
import { scaleOperator } from './operator.ts';

export interface OwnOperatorOptions {
  /** The first one is trusted, the others are not. */
  readonly namespaces: readonly string[];
  /** Where its Lease is; the first of the others unless a test says so. */
  readonly own?: string;
  /** Who it is; absent: whoever runs the tests. */
  readonly kubeConfig?: KubeConfig;
  readonly valkeyUrl: string;
  /** Migrated; absent: it looks after feeds alone. */
  readonly postgresUrl?: string;
  /** Of feeds; one that no node has unless a test says so. */
  readonly image?: string;
}

export interface OwnOperator {
  readiness(): true | string;
  /** Calls to the API server that change something, but for those of the Lease. */
  writes(): Promise<number>;
  /** Calls, watches among them, that it had no right to. */
  refusals(): Promise<number>;
  reconciles(): Promise<number>;
  stop(): Promise<void>;
}

export async function startOwnOperator(options: OwnOperatorOptions): Promise<OwnOperator> {
  const { namespaces, valkeyUrl, postgresUrl, image } = options;
  const telemetry = createTestTelemetry();
  const shared = { clock: systemClock, logger: silentLogger, telemetry };
  const valkey: Valkey = createValkey({ ...shared, target: parseValkeyUrl(valkeyUrl), clientName: 'operator' });
  await valkey.ready();
  const postgres = createPostgres({ ...shared, url: postgresUrl ?? 'postgres://nobody@127.0.0.1:1/none' });
  const [trusted = ''] = namespaces;
  const stops: (() => void | Promise<void>)[] = [];
  const draining = new AbortController();
  const operator = startOperator({
    ...shared,
    valkey,
    postgres,
    kubeConfig: options.kubeConfig ?? loadKubeConfig(inject('cluster').kubeconfig),
    lifecycle: {
      onStop: (_name, stop) => void stops.unshift(stop),
      timeLeftMs: () => 5_000,
      draining: draining.signal,
    },
    settings: {
      namespace: options.own ?? trusted,
      watchNamespaces: namespaces,
      trustedNamespaces: [trusted],
      feed: {
        image: image ?? 'weir.invalid/none:1',
        // So that an image which is not there is known at once.
        imagePullPolicy: 'Never',
        imagePullSecrets: [],
        valkeyUrl: 'redis://valkey.invalid:6379',
        valkeyUsername: 'feed',
        valkeyPassword: 'of-the-test',
        hasNetworkPolicy: true,
      },
      venueAddresses: {},
      keyMode: 'test',
    },
    node: 'own-operator',
    version: '0.0.0',
    rate: { perSecond: 200, burst: 200 },
    controllers: [createPriceFeedController, ...(postgresUrl === undefined ? [] : [createApiKeyPolicyController])],
    onLeadershipLost: () => undefined,
  });
  const sum = async (name: string, labels: RegExp): Promise<number> => sumOf(await telemetry.scrape(), name, labels);
  return {
    readiness: () => operator.readiness(),
    refusals: () => sum('rest_client_requests_total', /code="40[13]"/),
    // The Lease alone is written by PUT at rest, and by POST once.
    writes: () => sum('rest_client_requests_total', /method="(?:PATCH|DELETE)"/),
    reconciles: () => sum('controller_runtime_reconcile_total', /controller="pricefeed"/),
    async stop() {
      draining.abort();
      for (const stop of stops) await stop();
      await valkey.close();
      await postgres.close();
    },
  };
}

function sumOf(page: string, name: string, labels: RegExp): number {
  const lines = page.split('\n').filter((line) => line.startsWith(`${name}{`) && labels.test(line));
  return lines.reduce((total, line) => total + Number(line.split(' ')[1]), 0);
}

/** The operator of the installation, if there is one, leaves the cluster to this one until the answer is called. */
export async function pauseInstalledOperator(): Promise<() => Promise<void>> {
  const installed = await find<KubeObject & { spec: { replicas: number } }>('deployment', `${release}-operator`);
  const replicas = installed?.spec.replicas ?? 0;
  if (replicas === 0) return () => Promise.resolve();
  await scaleOperator(0);
  return () => scaleOperator(replicas);
}
