/** The programs that a cluster on this machine takes; one that is missing is named with where it comes from. */
import { KindFault } from './kind-fault.ts';
import { tryCommand } from './run-command.ts';

/** Engines that kind can use, as programs. */
const ENGINES = ['docker', 'podman', 'nerdctl'] as const;
export type Engine = (typeof ENGINES)[number];

interface Tool {
  readonly name: string;
  readonly versionArgs: readonly string[];
  readonly home: string;
}

const KIND: Tool = { name: 'kind', versionArgs: ['version'], home: 'https://kind.sigs.k8s.io' };
const KUBECTL: Tool = {
  name: 'kubectl',
  versionArgs: ['version', '--client'],
  home: 'https://kubernetes.io/docs/tasks/tools',
};
const HELM: Tool = { name: 'helm', versionArgs: ['version', '--short'], home: 'https://helm.sh/docs/intro/install' };

/** Whether the program can be started and ends well. */
async function answers(program: string, args: readonly string[]): Promise<boolean> {
  try {
    return (await tryCommand(program, args, { timeoutMs: 20_000 })).status === 0;
  } catch {
    return false;
  }
}

/** Throws KindFault with every tool that is missing. */
async function requireTools(tools: readonly Tool[]): Promise<void> {
  const found = await Promise.all(tools.map(({ name, versionArgs }) => answers(name, versionArgs)));
  const missing = tools.filter((_, index) => found[index] !== true);
  if (missing.length === 0) return;
  throw new KindFault(
    `Not on PATH: ${missing.map(({ name }) => name).join(', ')}`,
    missing.map(({ name, home }) => `Install ${name}: ${home}`).join('\n'),
  );
}

/** kind's own choice when it is made, else the first engine that answers. */
export async function findEngine(): Promise<Engine> {
  const chosen = process.env['KIND_EXPERIMENTAL_PROVIDER'];
  const candidates = ENGINES.filter((engine) => chosen === undefined || chosen === '' || engine === chosen);
  for (const engine of candidates) if (await answers(engine, ['info'])) return engine;
  throw new KindFault(
    `No container engine answers: tried ${candidates.join(', ')}`,
    'Start one, for example: sudo systemctl start docker. It may also be that this user may not use it: `docker info` says so.',
  );
}

/** What kind:down needs. */
export async function findKind(): Promise<Engine> {
  await requireTools([KIND]);
  return findEngine();
}

/** What kind:up needs. */
export async function findTools(): Promise<Engine> {
  await requireTools([KIND, KUBECTL, HELM]);
  return findEngine();
}
