/** Weir on Kubernetes on this machine: a cluster of kind, the image, the charts, the examples, and a line to paste. */
import path from 'node:path';
import { ensureCluster } from './kind/ensure-cluster.ts';
import { findTools } from './kind/find-tools.ts';
import { applyExamples, installation, installCharts, readDemoKey } from './kind/install-charts.ts';
import { KindFault } from './kind/kind-fault.ts';
import { imageHash, loadImage } from './kind/load-images.ts';
import { parseKindOptions, UP_HELP, type KindOptions } from './kind/options.ts';
import { runCommand } from './kind/run-command.ts';
import type { Engine } from './kind/find-tools.ts';

const root = path.resolve(import.meta.dirname, '..');
const startedMs = performance.now();

const say = (what: string): void => {
  console.log(`${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(4)} s  ${what}`);
};

/** Builds the image and names it for what is in it: only an image that has changed rolls pods. */
async function buildImage(engine: Engine): Promise<string> {
  const built = 'localhost/weir:built';
  await runCommand(process.execPath, [path.join(import.meta.dirname, 'build-images.ts'), '--tag', built], {
    cwd: root,
    env: { WEIR_ENGINE: engine },
  });
  const image = `localhost/weir:${(await imageHash(engine, built)) ?? 'built'}`;
  await runCommand(engine, ['tag', built, image]);
  return image;
}

async function up(options: KindOptions): Promise<void> {
  const engine = await findTools();
  say(`cluster ${options.cluster}, with ${engine}`);
  const cluster = await ensureCluster(root, engine, options);
  say('image');
  const image = await buildImage(engine);
  await loadImage(engine, cluster.name, image);
  say(`charts, with ${image}`);
  await installCharts(root, cluster, image);
  say('examples');
  await applyExamples(root, cluster);
  say('ready');
  const kubeconfig = path.relative(process.cwd(), cluster.kubeconfig);
  console.log(
    `\nLook around:\n\nexport KUBECONFIG=${kubeconfig}\nkubectl --namespace ${installation.namespace} get pf,akp\n`,
  );
  const url = `http://127.0.0.1:${cluster.ports.http}/price?asset=BTC`;
  console.log(`Try it:\n\ncurl -sS -H "Authorization: Bearer ${await readDemoKey(cluster)}" "${url}"\n`);
}

try {
  const options = parseKindOptions(process.argv.slice(2));
  if (options === undefined) console.log(UP_HELP);
  else await up(options);
} catch (err) {
  console.error(
    err instanceof KindFault ? `\n${err.message}\n${err.fix}` : `\n${err instanceof Error ? err.message : String(err)}`,
  );
  process.exit(1);
}
