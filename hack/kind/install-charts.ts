/** Installs or upgrades the charts, applies the examples, and waits until everything is ready. */
import path from 'node:path';
import type { Cluster } from './ensure-cluster.ts';
import { parseImage } from './image-reference.ts';
import { KindFault } from './kind-fault.ts';
import { loadImage } from './load-images.ts';
import { runCommand, tryCommand } from './run-command.ts';

/** Where everything is. */
export const installation = { release: 'weir', namespace: 'weir' } as const;

const { release, namespace } = installation;
const TIMEOUT = '300s';
/** The restricted Pod Security Standard is enforced, so that nothing gets in that would not run where it is. */
const RESTRICTED = 'pod-security.kubernetes.io/enforce=restricted';

/** Images of the stores that the environment names, as flags for helm. */
async function storeImages({ engine, name }: Cluster): Promise<readonly string[]> {
  const flags: string[] = [];
  const stores = { VALKEY_IMAGE: 'valkey.image', POSTGRES_IMAGE: 'postgres.trial.image' };
  for (const [variable, value] of Object.entries(stores)) {
    const image = process.env[variable];
    if (image === undefined || image === '') continue;
    await loadImage(engine, name, image);
    const { registry, repository, tag } = parseImage(variable, image);
    flags.push('--set-string', `${value}.registry=${registry},${value}.repository=${repository},${value}.tag=${tag}`);
  }
  return flags;
}

/** What a person needs to see when something does not become ready. */
async function showTrouble(cluster: Cluster): Promise<void> {
  const ask = async (...args: string[]): Promise<void> => {
    await tryCommand('kubectl', ['--kubeconfig', cluster.kubeconfig, '--namespace', namespace, ...args], {
      isShown: true,
    });
  };
  await ask('get', 'pods,pf,akp', '--output', 'wide');
  await ask('get', 'events', '--field-selector', 'type=Warning', '--sort-by', '.lastTimestamp');
}

/** Throws KindFault, after it has shown what is not ready. */
async function orShowTrouble(cluster: Cluster, command: Promise<string>): Promise<void> {
  try {
    await command;
  } catch (err) {
    await showTrouble(cluster);
    throw new KindFault(
      err instanceof Error ? err.message : String(err),
      `Look closer: kubectl --kubeconfig ${cluster.kubeconfig} --namespace ${namespace} describe pods`,
    );
  }
}

/** `image` has been loaded. */
export async function installCharts(root: string, cluster: Cluster, image: string): Promise<void> {
  const at = ['--kubeconfig', cluster.kubeconfig];
  const kubectl = (...args: string[]): Promise<string> => runCommand('kubectl', [...at, ...args]);
  const stores = await storeImages(cluster);
  const { registry, repository, tag } = parseImage('the image', image);
  const own = `global.image.registry=${registry},global.image.repository=${repository},global.image.tag=${tag}`;
  if ((await kubectl('get', 'namespace', namespace, '--ignore-not-found')) === '')
    await kubectl('create', 'namespace', namespace);
  await kubectl('label', 'namespace', namespace, RESTRICTED, '--overwrite');
  const umbrella = path.join(root, 'charts/weir');
  const values = ['--values', path.join(umbrella, 'values-kind.yaml'), '--set-string', own, ...stores];
  const waiting = ['--wait', '--timeout', TIMEOUT];
  const chart = ['upgrade', release, umbrella, '--install', '--namespace', namespace];
  await orShowTrouble(cluster, runCommand('helm', [...chart, ...values, ...waiting, ...at]));
}

/** Feeds, plans, and a key to try them with. */
export async function applyExamples(root: string, cluster: Cluster): Promise<void> {
  const at = ['--kubeconfig', cluster.kubeconfig, '--namespace', namespace];
  const kubectl = (...args: string[]): Promise<string> => runCommand('kubectl', [...at, ...args]);
  await kubectl('apply', '--server-side', '--filename', path.join(root, 'crds/examples'));
  const ready = ['wait', '--for=condition=Ready', 'pricefeeds,apikeypolicies', '--all', `--timeout=${TIMEOUT}`];
  await orShowTrouble(cluster, kubectl(...ready));
}

/** Text of the key of crds/examples/demo-key.yaml, out of the Secret that the operator wrote. */
export async function readDemoKey({ kubeconfig }: Cluster): Promise<string> {
  const at = ['--kubeconfig', kubeconfig, '--namespace', namespace];
  const encoded = await runCommand('kubectl', [
    ...at,
    'get',
    'secret',
    'demo-weir-key',
    '--output',
    'jsonpath={.data.key}',
  ]);
  return Buffer.from(encoded, 'base64').toString('utf8');
}
