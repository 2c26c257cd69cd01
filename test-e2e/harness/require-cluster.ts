/** Before all tests: a cluster that answers, or a sentence that says how to get one. */
import type { TestProject } from 'vitest/node';
import { findCluster, findKubeconfig, type Cluster } from './cluster.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: Cluster;
  }
}

export async function setup(project: TestProject): Promise<void> {
  project.provide('cluster', await findCluster(findKubeconfig(process.env)));
}
