/** The children that hold no workload: service account, settings, login of Valkey, disruption budget. Pure. */
import { scryptSync } from 'node:crypto';
import type { FeedSettings } from '../config.ts';
import { childOf, type ChildObject } from './desired-child.ts';
import { selectorLabels, type PriceFeed } from './price-feed.ts';

export const HTTP_PORT = 8080;

/** Where the pods find the authority of Valkey's certificate. */
export const CA_FOLDER = '/etc/weir/valkey';
export const CA_KEY = 'ca.crt';

/** A tenth of a second and 32 MB for each guess. */
const SLOW = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 };

export function serviceAccountOf(feed: PriceFeed): ChildObject {
  return childOf(feed, 'ServiceAccount', { automountServiceAccountToken: false });
}

export function configMapOf(feed: PriceFeed, settings: FeedSettings): ChildObject {
  const { valkeyUrl, valkeyCa, valkeyServername, otlpEndpoint } = settings;
  const data = {
    ...(otlpEndpoint !== undefined && { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint }),
    WEIR_FEED: `${feed.metadata.namespace ?? ''}/${feed.metadata.name}`,
    WEIR_HTTP_PORT: String(HTTP_PORT),
    ...(valkeyCa !== undefined && { WEIR_VALKEY_TLS_CA_FILE: `${CA_FOLDER}/${CA_KEY}` }),
    ...(valkeyServername !== undefined && { WEIR_VALKEY_TLS_SERVERNAME: valkeyServername }),
    WEIR_VALKEY_URL: valkeyUrl,
  };
  return childOf(feed, 'ConfigMap', { data });
}

/** `undefined` when Valkey asks for no login and has no authority of its own. */
export function secretOf(feed: PriceFeed, settings: FeedSettings): ChildObject | undefined {
  const { valkeyUsername, valkeyPassword, valkeyCa } = settings;
  if (valkeyPassword === undefined && valkeyCa === undefined) return undefined;
  const texts = {
    ...(valkeyPassword !== undefined && { WEIR_VALKEY_PASSWORD: valkeyPassword, WEIR_VALKEY_USERNAME: valkeyUsername }),
    ...(valkeyCa !== undefined && { [CA_KEY]: valkeyCa }),
  };
  const data = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  );
  return childOf(feed, 'Secret', { type: 'Opaque', data });
}

/**
 * Stands for what is in the Secret where others may read it: changes with it and, being slow to compute on purpose, is of
 * no use for guessing a weak password. A hash, also one keyed with the password, would tell at once whether a guess is
 * right. To be called once in the life of a process.
 */
export function loginMarkOf({ valkeyUrl, valkeyUsername, valkeyPassword, valkeyCa }: FeedSettings): string {
  if (valkeyPassword === undefined && valkeyCa === undefined) return '';
  const secret = JSON.stringify([valkeyUsername, valkeyPassword, valkeyCa]);
  return scryptSync(secret, `weir.dev/config-hash ${valkeyUrl}`, 16, SLOW).toString('hex');
}

/** One pod of several may be evicted at a time; one that is not ready never holds up a drain. */
export function disruptionBudgetOf(feed: PriceFeed, replicas: number): ChildObject | undefined {
  if (replicas < 2) return undefined;
  return childOf(feed, 'PodDisruptionBudget', {
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selectorLabels(feed.metadata.name) },
    },
  });
}
