/** What tests of the machinery need of a real API server: a connection that may write, and a namespace of their own. */
import { randomBytes } from 'node:crypto';
import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock, type Clock } from '@weir/clock';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import { PooledKubeConfig } from '../../src/kube/pooled-kube-config.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { Store } from '../../src/kube/store.ts';
import { Transport } from '../../src/kube/transport.ts';
import { connectKube, type KubeConnection, type KubeObject, type ResourceType } from '../../src/kube/index.ts';

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export const CONFIG_MAP: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const NAMESPACE: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
export const PRICE_FEED: ResourceType = {
  apiVersion: 'weir.dev/v1alpha1',
  kind: 'PriceFeed',
  plural: 'pricefeeds',
  namespaced: true,
};

export interface OpenKube extends KubeConnection, AsyncDisposable {
  readonly telemetry: ReturnType<typeof createTestTelemetry>;
}

/** Whoever connects leads, unless the fence is closed. */
export function openKube(config: KubeConfig, namespaces: readonly string[] = [], clock: Clock = systemClock): OpenKube {
  const telemetry = createTestTelemetry();
  const kube = connectKube({
    config,
    namespaces,
    userAgent: 'weir-operator/test',
    rate: { perSecond: 500, burst: 1_000 },
    clock,
    logger: silentLogger,
    telemetry,
    random: Math.random,
  });
  kube.fence.openUntil(Number.POSITIVE_INFINITY);
  return {
    ...kube,
    telemetry,
    async [Symbol.asyncDispose]() {
      await kube.caches.stop();
      await kube.close();
      await telemetry.close();
    },
  };
}

export interface OwnNamespace extends AsyncDisposable {
  readonly name: string;
}

/** Deleted with everything in it. */
export async function createNamespace({ client }: KubeConnection, purpose: string): Promise<OwnNamespace> {
  const name = `kube-${purpose}-${randomBytes(3).toString('hex')}`;
  await client.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return { name, [Symbol.asyncDispose]: () => client.delete(NAMESPACE, { namespace: '', name }) };
}

export const configMap = (namespace: string, name: string, data: Readonly<Record<string, string>> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
});

/** One watch of ConfigMaps by itself, which gives up after `idleMs` of silence. */
export function startReflector(config: KubeConfig, namespace: string, idleMs: number) {
  const clock = systemClock;
  const pooled = new PooledKubeConfig(config, clock, 'weir-operator/test');
  const transport = new Transport({ config: pooled, clock, metrics: { count() {}, waited() {} } });
  const store = new Store<ConfigMap>({ clock, logger: silentLogger, scopes: [namespace] });
  const reflector = new Reflector<ConfigMap>({
    type: CONFIG_MAP,
    namespace,
    labelSelector: undefined,
    store,
    send: (request) => transport.send(request),
    open: (request) => transport.open(request),
    clock,
    logger: silentLogger,
    random: Math.random,
    idleMs,
  });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await reflector.stop();
      await pooled.close();
    },
  };
}
