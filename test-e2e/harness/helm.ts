/** helm, on the release of kind:up. */
import { inject } from 'vitest';
import { runCommand } from '../../hack/kind/run-command.ts';
import { namespace, repository } from './cluster.ts';

/** Throws when helm fails. */
export function helm(...args: readonly string[]): Promise<string> {
  const { kubeconfig } = inject('cluster');
  return runCommand('helm', [...args, '--namespace', namespace, '--kubeconfig', kubeconfig], {
    cwd: repository,
    timeoutMs: 600_000,
  });
}
