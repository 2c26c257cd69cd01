import { ConfigError } from '@weir/config';
import { describe, expect, it } from 'vitest';
import { readConfig, settingsOf } from './config.ts';

const env = {
  WEIR_NODE_NAME: 'operator-0',
  WEIR_OPERATOR_NAMESPACE: 'weir',
  WEIR_FEED_IMAGE: 'localhost/weir:1',
  WEIR_VALKEY_URL: 'redis://valkey:6379',
  WEIR_POSTGRES_URL: 'postgres://weir@postgres/weir',
};

const settings = (more: Readonly<Record<string, string>> = {}) =>
  settingsOf(readConfig({ ...env, ...more }), (file) => `PEM of ${file}`);

function faultsOf(given: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(given);
  } catch (err) {
    if (err instanceof ConfigError) return err.faults.map(({ name }) => name);
    throw err;
  }
  return [];
}

describe('settingsOf', () => {
  it('watches everything and trusts its own namespace when nothing else is said', () => {
    expect(settings()).toEqual({
      namespace: 'weir',
      watchNamespaces: [],
      trustedNamespaces: ['weir'],
      feed: {
        image: 'localhost/weir:1',
        imagePullPolicy: 'IfNotPresent',
        imagePullSecrets: [],
        valkeyUrl: 'redis://valkey:6379',
        valkeyUsername: 'feed',
        hasNetworkPolicy: true,
      },
      venueAddresses: {},
      keyMode: 'live',
    });
  });

  it('reads every list, and each namespace once', () => {
    const { watchNamespaces, trustedNamespaces, feed } = settings({
      WEIR_WATCH_NAMESPACES: 'weir, shop,weir',
      WEIR_TRUSTED_NAMESPACES: 'shop',
      WEIR_FEED_IMAGE_PULL_SECRETS: 'registry,other',
    });
    expect({ watchNamespaces, trustedNamespaces, secrets: feed.imagePullSecrets }).toEqual({
      watchNamespaces: ['weir', 'shop'],
      trustedNamespaces: ['shop'],
      secrets: ['registry', 'other'],
    });
  });

  it('hands Valkey on to feeds without its own login, with authority and name', () => {
    const { feed } = settings({
      WEIR_VALKEY_URL: 'rediss://operator:secret@valkey:6380/1',
      WEIR_FEED_VALKEY_PASSWORD: 'feeds-own',
      WEIR_VALKEY_TLS_CA_FILE: '/ca.crt',
      WEIR_VALKEY_TLS_SERVERNAME: 'valkey.svc',
    });
    expect(feed).toMatchObject({
      valkeyUrl: 'rediss://valkey:6380/1',
      valkeyPassword: 'feeds-own',
      valkeyCa: 'PEM of /ca.crt',
      valkeyServername: 'valkey.svc',
    });
    expect(settings({ WEIR_FEED_VALKEY_URL: 'redis://other' }).feed.valkeyUrl).toBe('redis://other');
  });

  it('reads addresses of exchanges', () => {
    const text = 'coinbase=ws://x:1/c|http://x:1/c,kraken=wss://k|https://k';
    expect(settings({ WEIR_VENUE_ADDRESSES: text }).venueAddresses).toEqual({
      coinbase: { url: 'ws://x:1/c', restUrl: 'http://x:1/c' },
      kraken: { url: 'wss://k', restUrl: 'https://k' },
    });
  });

  it('switches the network policy off and issues test keys when told to', () => {
    const { feed, keyMode } = settings({ WEIR_FEED_NETWORK_POLICY: 'false', WEIR_KEY_MODE: 'test' });
    expect([feed.hasNetworkPolicy, keyMode]).toEqual([false, 'test']);
  });
});

describe('readConfig', () => {
  it('names every fault at once, those between settings among them', () => {
    const wrong = {
      WEIR_NODE_NAME: 'operator-0',
      REDIS_URL: 'redis://:secret@valkey',
      WEIR_WATCH_NAMESPACES: 'Weir',
      WEIR_VENUE_ADDRESSES: 'coinbase=wss://c',
      WEIR_FEED_VALKEY_URL: 'redis://user:secret@valkey',
      WEIR_KEY_MODE: 'dev',
    };
    expect(faultsOf(wrong).toSorted()).toEqual([
      'WEIR_FEED_IMAGE',
      'WEIR_FEED_VALKEY_PASSWORD',
      'WEIR_FEED_VALKEY_URL',
      'WEIR_KEY_MODE',
      'WEIR_OPERATOR_NAMESPACE',
      'WEIR_POSTGRES_URL',
      'WEIR_VENUE_ADDRESSES',
      'WEIR_WATCH_NAMESPACES',
    ]);
  });

  it('wants a password for feeds as soon as the operator itself has one', () => {
    expect(faultsOf({ ...env, WEIR_VALKEY_PASSWORD: 'x' })).toEqual(['WEIR_FEED_VALKEY_PASSWORD']);
    expect(faultsOf({ ...env, WEIR_VALKEY_PASSWORD: 'x', WEIR_FEED_VALKEY_PASSWORD: 'y' })).toEqual([]);
    expect(faultsOf({ ...env, WEIR_VALKEY_URL: 'redis://user:pw@valkey' })).toEqual(['WEIR_FEED_VALKEY_PASSWORD']);
  });
});
