/** URLs of the API server. */
import type { ResourceType } from './resource.ts';

export interface PathOptions {
  /** Of a namespaced kind; absent: all namespaces. */
  readonly namespace?: string | undefined;
  /** Absent: the collection. */
  readonly name?: string;
  readonly subresource?: 'status' | 'scale';
}

/** Case is kept, and every part is escaped: some names, such as those of ClusterRoles, hold colons. */
export function resourcePath(type: ResourceType, { namespace, name, subresource }: PathOptions = {}): string {
  const root = type.apiVersion.includes('/') ? '/apis' : '/api';
  const version = type.apiVersion.split('/').map(encodeURIComponent).join('/');
  const isScoped = type.namespaced && namespace !== undefined && namespace !== '';
  const scope = isScoped ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  if (name === undefined) return `${root}/${version}${scope}/${type.plural}`;
  if (type.namespaced && !isScoped) throw new TypeError(`a ${type.kind} is addressed with its namespace`);
  if (name === '') throw new TypeError(`a ${type.kind} is addressed with its name`);
  const tail = subresource === undefined ? '' : `/${subresource}`;
  return `${root}/${version}${scope}/${type.plural}/${encodeURIComponent(name)}${tail}`;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** With its question mark; empty when there is nothing to say. */
export function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  if (given.length === 0) return '';
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`;
}
