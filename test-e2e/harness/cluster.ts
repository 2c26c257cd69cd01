/** The cluster that the tests run against: found once, refused unless it is one of kind's. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_CLUSTER, kubeconfigOf, nodeOf } from '../../hack/kind/cluster-config.ts';
import { findEngine, type Engine } from '../../hack/kind/find-tools.ts';
import { installation } from '../../hack/kind/install-charts.ts';
import { mappedPorts } from '../../hack/kind/ensure-cluster.ts';
import { runCommand } from '../../hack/kind/run-command.ts';

export const repository = path.resolve(import.meta.dirname, '../..');

/** Where kind:up puts everything. */
export const { namespace, release }: Readonly<Record<'namespace' | 'release', string>> = installation;

/** What KUBECONFIG names, else what kind:up has written. */
export function findKubeconfig(env: Readonly<Record<string, string | undefined>>): string {
  const { KUBECONFIG = '' } = env;
  return KUBECONFIG === '' ? kubeconfigOf(repository, DEFAULT_CLUSTER) : KUBECONFIG;
}

export interface Cluster {
  readonly kubeconfig: string;
  readonly engine: Engine;
  /** The container that is the node. */
  readonly node: string;
  /** Of the price API, from outside. */
  readonly url: string;
}

/** Throws with what to do. These tests delete and kill things, so no other cluster than kind's is ever touched. */
export async function findCluster(kubeconfig: string): Promise<Cluster> {
  const fix = 'Make one: npm run kind:up (or name one that kind made in KUBECONFIG).';
  if (!existsSync(kubeconfig)) throw new Error(`There is no cluster: ${kubeconfig} does not exist. ${fix}`);
  const kubectl = (...args: string[]): Promise<string> =>
    runCommand('kubectl', ['--kubeconfig', kubeconfig, ...args], { timeoutMs: 30_000 });
  const context = (await kubectl('config', 'current-context')).trim();
  const name = /^kind-(.+)$/.exec(context)?.[1];
  if (name === undefined)
    throw new Error(`The tests delete and kill things, and ${context} is no cluster of kind. ${fix}`);
  await kubectl('get', '--raw', '/readyz').catch((err: unknown) => {
    throw new Error(`The cluster ${name} does not answer. ${fix}`, { cause: err });
  });
  const engine = await findEngine();
  const { http } = await mappedPorts(engine, name);
  return { kubeconfig, engine, node: nodeOf(name), url: `http://127.0.0.1:${http}` };
}
