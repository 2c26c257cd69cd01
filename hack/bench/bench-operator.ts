/**
 * The operator, as it ships, against a real API server (the one KUBECONFIG names) with a cold start over many PriceFeeds
 * of no replicas, so that no kubelet has work: how long until all are applied, and what it does and holds at rest.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { sleep, systemClock } from '@weir/clock';
import { startEmbeddedPostgres } from '@weir/postgres/embedded';
import { startEmbeddedValkey } from '@weir/valkey/embedded';
import { bundleProgram } from '../bundle.ts';
import { startServer, type ServerProcess } from './server-process.ts';
import { sumSamples } from './sum-samples.ts';

export interface OperatorBenchOptions {
  readonly feeds: number;
  /** How long it is watched at rest. */
  readonly restMs: number;
}

export interface OperatorBenchResult {
  readonly bench: 'operator';
  readonly feeds: number;
  /** From the start of the process until every PriceFeed has its children, its document and its status. */
  readonly applied_seconds: number;
  /** Everything but renewals of the Lease, which are the only PUTs. */
  readonly api_writes_at_rest_per_hour: number;
  /** At the end, and how much it grew over the time at rest. */
  readonly rss_mb: number;
  readonly rss_growth_mb: number;
  readonly sockets: number;
  readonly sockets_growth: number;
}

export const OPERATOR_BENCH_DEFAULTS: OperatorBenchOptions = { feeds: 500, restMs: 180_000 };

const NAMESPACE = 'weir-bench-operator';
const ROOT = path.resolve(import.meta.dirname, '..', '..');
const PORT = 18_380;
const APPLY_TIMEOUT_MS = 300_000;
/** Writes of the start are over by then: statuses that follow from events of the last children. */
const SETTLE_MS = 30_000;
/** Between two looks at how far it has come, of which each costs half a second of a core. */
const LOOK_MS = 2_000;
const ASSETS_PER_FEED = 5;

const run = promisify(execFile);

/** Needs kubectl, and a cluster that KUBECONFIG names; it makes a namespace of its own and removes it. */
export async function benchOperator(options: OperatorBenchOptions): Promise<OperatorBenchResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-bench-'));
  const [valkey, postgres] = await Promise.all([startEmbeddedValkey(), startEmbeddedPostgres()]);
  try {
    for (const kind of ['pricefeeds', 'apikeypolicies']) await ensureDefinition(kind);
    await createFeeds(options.feeds);
    say(`${options.feeds} PriceFeeds wait in namespace ${NAMESPACE}`);
    const file = await bundleProgram(ROOT, { name: 'operator', entry: 'operator/src/main.ts' }, folder);
    const startedMs = systemClock.monotonicMs();
    const operator = await startOperator(file, valkey.url, postgres.url);
    try {
      const appliedSeconds = await awaitApplied(options.feeds, startedMs);
      say(`applied after ${appliedSeconds.toFixed(1)} s`);
      await sleep(systemClock, SETTLE_MS);
      return {
        bench: 'operator',
        feeds: options.feeds,
        ...(await watchAtRest(operator, options.restMs, appliedSeconds)),
      };
    } finally {
      await operator.stop();
    }
  } finally {
    await removeNamespace();
    await Promise.all([valkey.stop(), postgres.stop(), rm(folder, { recursive: true, force: true })]);
  }
}

/** One that is there belongs to whoever has installed it. */
async function ensureDefinition(kind: string): Promise<void> {
  const name = `crd/${kind}.weir.dev`;
  if ((await kubectl('get', name, '--ignore-not-found', '-o', 'name')) !== '') return;
  await kubectl('apply', '--server-side', '-f', path.join(ROOT, 'crds', `${kind}.yaml`));
  await kubectl('wait', '--for=condition=Established', name, '--timeout=60s');
}

function startOperator(file: string, valkeyUrl: string, postgresUrl: string): Promise<ServerProcess> {
  const environment = {
    WEIR_NODE_NAME: 'bench',
    WEIR_HTTP_HOST: '127.0.0.1',
    WEIR_HTTP_PORT: String(PORT),
    WEIR_VALKEY_URL: valkeyUrl,
    WEIR_POSTGRES_URL: postgresUrl,
    WEIR_OPERATOR_NAMESPACE: NAMESPACE,
    WEIR_WATCH_NAMESPACES: NAMESPACE,
    WEIR_FEED_IMAGE: 'localhost/weir:bench',
    WEIR_FEED_VALKEY_PASSWORD: 'bench',
    WEIR_LOG_LEVEL: 'warn',
  };
  return startServer({ name: 'operator', file, environment, port: PORT, core: 0 }, '/livez');
}

async function watchAtRest(operator: ServerProcess, restMs: number, appliedSeconds: number) {
  const before = await observe(operator.pid);
  await sleep(systemClock, restMs);
  const after = await observe(operator.pid);
  const perHour = ((after.writes - before.writes) * 3_600_000) / restMs;
  const renewals = after.puts - before.puts;
  say(
    `at rest for ${restMs / 1_000} s: ${after.writes - before.writes} writes besides ${renewals} renewals of the Lease`,
  );
  return {
    applied_seconds: round(appliedSeconds),
    api_writes_at_rest_per_hour: round(perHour),
    rss_mb: round(after.rssMb),
    rss_growth_mb: round(after.rssMb - before.rssMb),
    sockets: after.sockets,
    sockets_growth: after.sockets - before.sockets,
  };
}

interface Observation {
  readonly writes: number;
  readonly puts: number;
  readonly rssMb: number;
  readonly sockets: number;
}

async function observe(pid: number): Promise<Observation> {
  const answer = await fetch(`http://127.0.0.1:${PORT}/metrics`);
  const text = await answer.text();
  const calls = (method: string): number => sumSamples(text, 'rest_client_requests_total', { method });
  return {
    writes: calls('POST') + calls('PATCH') + calls('DELETE'),
    puts: calls('PUT'),
    rssMb: Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024,
    sockets: countSockets(pid),
  };
}

function countSockets(pid: number): number {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // Closed meanwhile.
    }
  });
  return links.filter((link) => link.startsWith('socket:')).length;
}

async function awaitApplied(feeds: number, startedMs: number): Promise<number> {
  for (;;) {
    const seconds = (systemClock.monotonicMs() - startedMs) / 1_000;
    const { applied, deployments } = await countApplied();
    if (applied === feeds && deployments === feeds) return seconds;
    if (seconds * 1_000 > APPLY_TIMEOUT_MS) {
      throw new Error(
        `after ${seconds.toFixed(0)} s only ${applied} of ${feeds} are applied, ${deployments} Deployments`,
      );
    }
    await sleep(systemClock, LOOK_MS);
  }
}

/** By two lists. */
async function countApplied(): Promise<{ applied: number; deployments: number }> {
  const [generations, deployments] = await Promise.all([
    kubectl(
      '-n',
      NAMESPACE,
      'get',
      'pricefeeds',
      '-o',
      'custom-columns=G:.metadata.generation,O:.status.observedGeneration',
    ),
    kubectl('-n', NAMESPACE, 'get', 'deployments', '-o', 'name'),
  ]);
  const applied = generations.split('\n').filter((line) => {
    const [generation, observed] = line.trim().split(/\s+/);
    return /^\d+$/.test(generation ?? '') && generation === observed;
  }).length;
  return { applied, deployments: deployments.split('\n').filter((line) => line !== '').length };
}

/** Each prices assets of its own, so that none is in conflict. */
async function createFeeds(count: number): Promise<void> {
  await removeNamespace();
  const feeds = Array.from({ length: count }, (_, index) => ({
    apiVersion: 'weir.dev/v1alpha1',
    kind: 'PriceFeed',
    metadata: { name: `bench-${index}`, namespace: NAMESPACE },
    spec: {
      replicas: 0,
      assets: Array.from({ length: ASSETS_PER_FEED }, (_none, asset) => `B${index}A${asset}`),
      sources: [{ name: 'coinbase', exchange: 'coinbase' }],
    },
  }));
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  await kubectlWithInput(
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [namespace, ...feeds] }),
    'create',
    '-f',
    '-',
  );
}

async function removeNamespace(): Promise<void> {
  // Nobody is left who would take the finalizers off.
  const names = await kubectl('-n', NAMESPACE, 'get', 'pricefeeds', '-o', 'name').catch(() => '');
  const items = names.split('\n').filter((name) => name !== '');
  for (let at = 0; at < items.length; at += 50) {
    const batch = items.slice(at, at + 50);
    const patch = '{"metadata":{"finalizers":null}}';
    await kubectl('-n', NAMESPACE, 'patch', '--type=merge', '-p', patch, ...batch).catch(() => '');
  }
  await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=300s');
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('kubectl', [...args], { maxBuffer: 64 * 2 ** 20 });
  return stdout;
}

async function kubectlWithInput(input: string, ...args: readonly string[]): Promise<void> {
  const running = run('kubectl', [...args], { maxBuffer: 64 * 2 ** 20 });
  running.child.stdin?.end(input);
  await running;
}

const round = (value: number): number => Math.round(value * 10) / 10;
const say = (text: string): void => void process.stderr.write(`${text}\n`);
