/** The operator from outside: its pods, which of them leads, and how many there are. */
import { release } from './cluster.ts';
import { eventually } from './eventually.ts';
import { get, kubectl, type KubeObject } from './kubectl.ts';
import { isReady, podsOf, type Pod } from './pods.ts';

const SELECTOR = 'app.kubernetes.io/name=weir-operator,app.kubernetes.io/component=operator';
const LEASE = 'weir-operator';

interface Lease extends KubeObject {
  readonly spec: { readonly holderIdentity?: string; readonly renewTime?: string };
}

export const operatorPods = (): Promise<readonly Pod[]> => podsOf(SELECTOR);

/** `''`: nobody leads. */
export async function leader(): Promise<string> {
  return (await get<Lease>('lease', LEASE)).spec.holderIdentity ?? '';
}

/** The pod that leads; throws while it is none of those that run. */
export async function leadingPod(): Promise<Pod> {
  const holder = await leader();
  const pod = (await operatorPods()).find(({ metadata }) => holder.includes(metadata.name));
  if (pod === undefined) throw new Error(`no pod of the operator is "${holder}"`);
  return pod;
}

/** Resolves when so many run and are ready; with none, when the last is gone. */
export async function scaleOperator(replicas: number): Promise<void> {
  await kubectl('scale', `deployment/${release}-operator`, `--replicas=${replicas}`);
  await eventually(async () => {
    const pods = await podsIncludingGoing();
    const ready = pods.filter(isReady).length;
    if (pods.length !== replicas || ready !== replicas) throw new Error(`${pods.length} pods, ${ready} ready`);
  }, 120_000);
}

async function podsIncludingGoing(): Promise<readonly Pod[]> {
  return (JSON.parse(await kubectl('get', 'pods', '--selector', SELECTOR, '--output', 'json')) as { items: Pod[] })
    .items;
}
