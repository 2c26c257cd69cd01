/** When a test fails: what the cluster looked like, in a folder of its own. Secrets are left out. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach } from 'vitest';
import { namespace, repository } from './cluster.ts';
import { list, tryKubectl, type KubeObject } from './kubectl.ts';

const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  'objects.txt': [
    'get',
    'pods,deployments,statefulsets,services,pvc,pdb,networkpolicies,leases,pf,akp',
    '--output',
    'wide',
  ],
  'resources.yaml': ['get', 'pf,akp', '--all-namespaces', '--output', 'yaml'],
  'events.txt': ['get', 'events', '--all-namespaces', '--sort-by', '.lastTimestamp'],
  'pods.txt': ['describe', 'pods'],
  'nodes.txt': ['describe', 'nodes'],
};

async function collect(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const write = async (file: string, args: readonly string[]): Promise<void> => {
    const { stdout, stderr } = await tryKubectl(args);
    if (`${stdout}${stderr}`.trim() !== '') writeFileSync(path.join(folder, file), `${stdout}${stderr}`);
  };
  for (const [file, args] of Object.entries(QUESTIONS)) await write(file, args);
  for (const { metadata } of await list<KubeObject>('pods').catch(() => [])) {
    const logs = ['logs', metadata.name, '--all-containers', '--tail=2000'];
    await write(`${metadata.name}.log`, logs);
    await write(`${metadata.name}.previous.log`, [...logs, '--previous']);
  }
}

beforeEach(({ onTestFailed, task }) => {
  onTestFailed(async () => {
    const name = `${task.file.name} ${task.name}`.replaceAll(/[^\w.]+/g, '-').slice(0, 120);
    const folder = path.join(repository, '.weir/e2e', name);
    await collect(folder).catch(() => undefined);
    process.stderr.write(`what ${namespace} looked like: ${path.relative(repository, folder)}\n`);
  });
});
