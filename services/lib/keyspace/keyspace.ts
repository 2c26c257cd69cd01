/** All families in one table, and the same in the order of `docs/keyspace.md`. */
import { apiKeyKeys } from './api-key-keys.ts';
import { clusterKeys } from './cluster-keys.ts';
import { documentKeys } from './document-keys.ts';
import type { KeyFamily } from './family.ts';
import { limitKeys } from './limit-keys.ts';
import { priceKeys } from './price-keys.ts';
import { usageKeys } from './usage-keys.ts';

export const keyspace = {
  ...priceKeys,
  ...documentKeys,
  ...apiKeyKeys,
  ...limitKeys,
  ...usageKeys,
  ...clusterKeys,
} as const;

export interface KeyspaceSection {
  readonly title: string;
  readonly families: Readonly<Record<string, KeyFamily>>;
}

export const keyspaceSections: readonly KeyspaceSection[] = [
  { title: 'Prices and feeds', families: priceKeys },
  { title: 'Documents', families: documentKeys },
  { title: 'API keys', families: apiKeyKeys },
  { title: 'Limits, budgets and the governor', families: limitKeys },
  { title: 'Usage and logs', families: usageKeys },
  { title: 'Cluster', families: clusterKeys },
];
