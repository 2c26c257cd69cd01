/** The cluster as something to let chaos loose on: its simulated venues by their control port, its pods by the node. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { createInterface } from 'node:readline';
import { spellSymbol, venueIds, type ExchangeControl } from '@weir/exchanges';
import { keyspace } from '@weir/keyspace';
import type { FeedDocument, FeedStatus } from '@weir/wire';
import { inject } from 'vitest';
import { readServed } from '../../hack/soak/chaos/read-served.ts';
import type { ChaosTarget, ChaosVenue } from '../../hack/soak/chaos/target.ts';
import { findVenue } from '../../services/lib/venues/index.ts';
import { namespace, release } from './cluster.ts';
import { publishedText } from './documents.ts';
import { eventually } from './eventually.ts';
import { get, kubectl, type KubeObject } from './kubectl.ts';
import { signalPod } from './node.ts';
import { isReady, podsOf, type Pod } from './pods.ts';
import { ask } from './price-client.ts';
import { valkey } from './valkey.ts';

export interface ClusterUnderChaos {
  readonly target: ChaosTarget;
  stop(): Promise<void>;
}

const CONTROL_PORT = 9100;
/** Each is served by one price server for as long as it lives. */
const CONNECTIONS = 3;
const VALKEY_POD = `${release}-valkey-0`;

export async function openClusterToChaos(options: {
  readonly feed: string;
  readonly assets: readonly string[];
  readonly key: string;
}): Promise<ClusterUnderChaos> {
  const { feed, assets, key } = options;
  const control = await forwardControl();
  const agents = Array.from({ length: CONNECTIONS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  // What the operator has published is what the feed goes by.
  const rules = JSON.parse(await publishedText('feeds', feed)) as FeedDocument;
  const target: ChaosTarget = {
    venues: venueIds,
    venue: (id) => remoteVenue(control, id),
    symbolOf: (id, asset) => {
      const venue = venueIds.find((known) => known === id);
      return venue === undefined ? '' : spellSymbol(venue, asset, findVenue(id)?.settlement ?? 'USD');
    },
    assets,
    rules,
    pods: agents.map((agent, index) => {
      const name = `connection ${index}`;
      return { name, look: () => readServed({ pod: name, assets, ask: (path) => ask({ path, key, agent }) }) };
    }),
    readTruths: async () => {
      const { prices } = (await control.read('truth')) as { readonly prices: Readonly<Record<string, string>> };
      const inDollars = Object.entries(prices).filter(([pair]) => pair.endsWith('-USD'));
      return Object.fromEntries(inDollars.map(([pair, price]) => [pair.replace(/-USD$/, ''), Number(price)]));
    },
    setTruth: (asset, price) => control.write('truth', { pair: asset, price }),
    restartValkey: () => restartValkey(({ metadata }) => signalPod(metadata.uid, 'KILL')),
    // No user of Valkey may empty it; a new pod has nothing either.
    flushValkey: () =>
      restartValkey(async () => void (await kubectl('delete', 'pod', VALKEY_POD, '--grace-period=0', '--force'))),
    countStored: () => countStored(assets),
    killFeed: (which) => killFeed(feed, which),
  };
  return {
    target,
    async stop() {
      for (const agent of agents) agent.destroy();
      await control.stop();
    },
  };
}

interface Control {
  read(subject: string): Promise<unknown>;
  write(command: string, fields: object): Promise<void>;
  stop(): Promise<void>;
}

/** Through the API server: the port is for nobody outside the cluster. */
async function forwardControl(): Promise<Control> {
  const where = ['--kubeconfig', inject('cluster').kubeconfig, '--namespace', namespace];
  const args = [...where, 'port-forward', `deployment/${release}-exchanges`, `:${CONTROL_PORT}`];
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = `http://127.0.0.1:${await readPort(child)}/control`;
  const call = async (path: string, init?: RequestInit): Promise<unknown> => {
    const response = await fetch(`${url}/${path}`, init);
    const body: unknown = await response.json();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
    return body;
  };
  return {
    read: (subject) => call(subject),
    write: async (command, fields) => void (await call(command, { method: 'POST', body: JSON.stringify(fields) })),
    async stop() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
}

async function readPort({ stdout }: ChildProcess): Promise<string> {
  if (stdout !== null)
    for await (const line of createInterface({ input: stdout })) {
      const port = /127\.0\.0\.1:(\d+) ->/.exec(line)?.[1];
      if (port === undefined) continue;
      // Whoever does not read a pipe stops its writer.
      stdout.resume();
      return port;
    }
  throw new Error('kubectl port-forward has ended');
}

function remoteVenue(control: Control, id: string): ChaosVenue {
  const write = (command: string, fields: object = {}): Promise<void> => control.write(`${id}/${command}`, fields);
  return {
    cut: ({ isRefusing = false } = {}) => write('cut', { isRefusing }),
    restore: () => write('restore'),
    silence: (isSilent) => write('silence', { isSilent }),
    fault: async (change) => {
      for (const [name, value] of Object.entries(change)) await write(name, { value });
    },
    heal: () => write('heal'),
    maintenance: ({ system }) => write('maintenance', { system }),
    announceMaintenance: (startsInMs) => write('announce', { startsInMs }),
    burst: (count) => write('burst', { count }),
    refuse: (symbol) => write('refuse', { symbol }),
    accept: (symbol) => write('accept', { symbol }),
    readStrikes: async () => ((await control.read(id)) as { readonly strikes: ExchangeControl['strikes'] }).strikes,
  };
}

/** Resolves when another process answers in the place of the one before. */
async function restartValkey(end: (pod: KubeObject) => Promise<void>): Promise<void> {
  const livesNow = async (): Promise<string> => {
    const { metadata, status } = await get<Pod>('pod', VALKEY_POD);
    return `${metadata.uid} ${status.containerStatuses?.[0]?.restartCount ?? ''}`;
  };
  const before = await livesNow();
  await end(await get('pod', VALKEY_POD));
  await eventually(async () => {
    if ((await livesNow()) === before) throw new Error(`${VALKEY_POD} lives on`);
    await valkey('PING');
  });
}

async function countStored(assets: readonly string[]): Promise<number> {
  try {
    const found = await Promise.all(assets.map((asset) => valkey('GET', keyspace.price.key({ pair: asset }))));
    return found.filter((text) => text !== '').length;
  } catch {
    // Not there yet.
    return 0;
  }
}

async function killFeed(feed: string, which: 'active' | 'standby'): Promise<void> {
  const victim = await eventually(async () => {
    const pods = await podsOf(`weir.dev/feed=${feed}`);
    // A standby that is not up yet could not take over.
    if (pods.length < 2 || !pods.every(isReady)) throw new Error(`${feed} has no standby that is ready`);
    const status = await valkey('GET', keyspace.feedStatus.key({ namespace, name: feed }));
    // Written by the feed itself.
    const { active } = JSON.parse(status) as FeedStatus;
    const found = pods.find(({ metadata }) => (metadata.name === active) === (which === 'active'));
    if (found === undefined || !pods.some(({ metadata }) => metadata.name === active))
      throw new Error(`no pod is the ${which} one`);
    return found;
  });
  await signalPod(victim.metadata.uid, 'KILL');
}
