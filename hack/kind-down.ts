/** Deletes the cluster that `npm run kind:up` made, with everything in it. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { kubeconfigOf } from './kind/cluster-config.ts';
import { findKind } from './kind/find-tools.ts';
import { KindFault } from './kind/kind-fault.ts';
import { DOWN_HELP, parseKindOptions } from './kind/options.ts';
import { runCommand } from './kind/run-command.ts';

const root = path.resolve(import.meta.dirname, '..');
try {
  const options = parseKindOptions(process.argv.slice(2));
  if (options === undefined) {
    console.log(DOWN_HELP);
  } else {
    const { cluster } = options;
    await findKind();
    const kubeconfig = kubeconfigOf(root, cluster);
    await runCommand('kind', ['delete', 'cluster', '--name', cluster, '--kubeconfig', kubeconfig], { isShown: true });
    rmSync(kubeconfig, { force: true });
  }
} catch (err) {
  console.error(err instanceof KindFault ? `${err.message}\n${err.fix}` : String(err));
  process.exit(1);
}
