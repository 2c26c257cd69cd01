/** kubectl, with objects in and objects out. */
import { inject } from 'vitest';
import { runCommand, tryCommand, type CommandResult } from '../../hack/kind/run-command.ts';
import { namespace } from './cluster.ts';

const DEADLINE_MS = 180_000;

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

/** As far as tests read every kind; `T` has the rest. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface KubeObject {
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface WithConditions extends KubeObject {
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

const flags = (): readonly string[] => ['--kubeconfig', inject('cluster').kubeconfig];

/** In the namespace of the installation unless the arguments name another. Throws when kubectl fails. */
export function kubectl(...args: readonly string[]): Promise<string> {
  const where = args.includes('--all-namespaces') ? [] : ['--namespace', namespace];
  return runCommand('kubectl', [...flags(), ...where, ...args], { timeoutMs: DEADLINE_MS });
}

/** Whatever the status. */
export function tryKubectl(args: readonly string[], input?: string): Promise<CommandResult> {
  return tryCommand('kubectl', [...flags(), '--namespace', namespace, ...args], {
    timeoutMs: DEADLINE_MS,
    ...(input !== undefined && { input }),
  });
}

/** The object, or `undefined` when there is none. */
export async function find<T extends KubeObject>(
  kind: string,
  name: string,
  within = namespace,
): Promise<T | undefined> {
  const text = await kubectl('get', kind, name, '--namespace', within, '--ignore-not-found', '--output', 'json');
  // What the API server answers for this kind.
  return text.trim() === '' ? undefined : (JSON.parse(text) as T);
}

export async function get<T extends KubeObject>(kind: string, name: string, within = namespace): Promise<T> {
  const object = await find<T>(kind, name, within);
  if (object === undefined) throw new Error(`there is no ${kind} ${name} in ${within}`);
  return object;
}

export async function list<T extends KubeObject>(kind: string, ...args: readonly string[]): Promise<readonly T[]> {
  return (JSON.parse(await kubectl('get', kind, ...args, '--output', 'json')) as { items: readonly T[] }).items;
}

/** Server-side, as whoever writes YAML would; each object names its namespace. */
export async function apply(...objects: readonly object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const args = [...flags(), 'apply', '--server-side', '--filename', '-'];
  await runCommand('kubectl', args, { input, timeoutMs: DEADLINE_MS });
}

export async function patch(kind: string, name: string, change: object, within = namespace): Promise<void> {
  await kubectl('patch', kind, name, '--namespace', within, '--type', 'merge', '--patch', JSON.stringify(change));
}

/** Deletes and waits until it is gone; one that is not there is fine. */
export async function remove(kind: string, name: string, within = namespace): Promise<void> {
  await kubectl('delete', kind, name, '--namespace', within, '--ignore-not-found', '--timeout=120s');
}

export function conditionOf(object: WithConditions, type: string): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}
