/** Weir on Kubernetes on this machine: a cluster of kind, the image, the charts, the examples, and a line to paste. */
import path from 'node:path';
import { buildImage } from './kind/build-image.ts';
import { ensureCluster } from './kind/ensure-cluster.ts';
import { findTools } from './kind/find-tools.ts';
import { applyExamples, installation, installCharts, readDemoKey } from './kind/install-charts.ts';
import { KindFault } from './kind/kind-fault.ts';
import { loadImage } from './kind/load-images.ts';
import { parseKindOptions, UP_HELP, type KindOptions } from './kind/options.ts';

const root = path.resolve(import.meta.dirname, '..');
const startedMs = performance.now();

const say = (what: string): void => {
  console.log(`${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(4)} s  ${what}`);
};

async function up(options: KindOptions): Promise<void> {
  const engine = await findTools();
  say(`cluster ${options.cluster}, with ${engine}`);
  const cluster = await ensureCluster(root, engine, options);
  say('image (about half a minute the first time)');
  const image = await buildImage(root, engine);
  await loadImage(engine, cluster.name, image);
  say(`charts, with ${image} (about half a minute)`);
  await installCharts(root, cluster, image);
  say('examples');
  await applyExamples(root, cluster);
  say('ready');
  const { kubeconfig } = cluster;
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
