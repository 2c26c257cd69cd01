import { describe, expect, it } from 'vitest';
import { queryText, resourcePath } from './resource-path.ts';

const POD = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };
const FEED = { apiVersion: 'weir.dev/v1alpha1', kind: 'PriceFeed', plural: 'pricefeeds', namespaced: true };
const ROLE = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
};

describe('resourcePath', () => {
  it('addresses objects, collections and subresources, of the core and of groups', () => {
    expect(resourcePath(POD, { namespace: 'a', name: 'b' })).toBe('/api/v1/namespaces/a/pods/b');
    expect(resourcePath(POD)).toBe('/api/v1/pods');
    expect(resourcePath(POD, { namespace: 'a' })).toBe('/api/v1/namespaces/a/pods');
    expect(resourcePath(FEED, { namespace: 'a', name: 'b', subresource: 'status' })).toBe(
      '/apis/weir.dev/v1alpha1/namespaces/a/pricefeeds/b/status',
    );
    expect(resourcePath(ROLE, { namespace: 'ignored', name: 'x' })).toBe(
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/x',
    );
  });

  it('keeps the case of names and escapes what would become another path', () => {
    expect(resourcePath(ROLE, { name: 'System:Node' })).toContain('/clusterroles/System%3ANode');
    expect(resourcePath(POD, { namespace: 'a', name: '../b?c' })).toBe('/api/v1/namespaces/a/pods/..%2Fb%3Fc');
  });

  it('refuses to address all objects where one is meant', () => {
    expect(() => resourcePath(POD, { name: 'b' })).toThrow('with its namespace');
    expect(() => resourcePath(POD, { namespace: 'a', name: '' })).toThrow('with its name');
  });
});

describe('queryText', () => {
  it('leaves out what is not given, and escapes the rest', () => {
    expect(queryText({ limit: 500, continue: undefined, labelSelector: '' })).toBe('?limit=500');
    expect(queryText({ labelSelector: 'a=b,c', force: true })).toBe('?labelSelector=a%3Db%2Cc&force=true');
    expect(queryText({})).toBe('');
  });
});
