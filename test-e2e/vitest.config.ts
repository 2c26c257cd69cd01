/** End-to-end tests: against a cluster of kind, one after another, first what installs, last what uninstalls. */
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { findKubeconfig } from './harness/cluster.ts';

const FIRST = ['install.e2e.ts', 'examples.e2e.ts'];
const LAST = ['uninstall.e2e.ts'];

/** By name, but for those whose place matters. */
class InOrder extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): string => {
      const name = path.basename(moduleId);
      if (FIRST.includes(name)) return `0 ${FIRST.indexOf(name)}`;
      return `${LAST.includes(name) ? '2' : '1'} ${name}`;
    };
    return Promise.resolve(files.toSorted((a, b) => place(a).localeCompare(place(b))));
  }
}

export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ['**/*.e2e.ts'],
    globalSetup: ['harness/require-cluster.ts'],
    setupFiles: ['harness/diagnostics.ts'],
    env: { KUBECONFIG: findKubeconfig(process.env) },
    fileParallelism: false,
    sequence: { sequencer: InOrder },
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
