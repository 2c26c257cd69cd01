/** Makes the cluster, or finds the one that is there; either way its kubeconfig is written and its API server answers. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import {
  clusterConfig,
  DEFAULT_HOST_PORTS,
  kubeconfigOf,
  NODE_PORTS,
  nodeOf,
  type HostPorts,
} from './cluster-config.ts';
import type { Engine } from './find-tools.ts';
import { KindFault } from './kind-fault.ts';
import type { KindOptions } from './options.ts';
import { runCommand, tryCommand } from './run-command.ts';

const READY_LIMIT = '120s';

export interface Cluster {
  readonly name: string;
  readonly engine: Engine;
  readonly kubeconfig: string;
  readonly ports: HostPorts;
}

/** Whether this port of 127.0.0.1 can be listened on. */
async function isPortFree(protocol: 'tcp' | 'udp', port: number): Promise<boolean> {
  const host = '127.0.0.1';
  try {
    if (protocol === 'tcp') {
      const server = createServer();
      await once(server.listen(port, host), 'listening');
      server.close();
    } else {
      const socket = createSocket('udp4');
      const bound = once(socket, 'listening');
      socket.bind(port, host);
      await bound;
      socket.close();
    }
    return true;
  } catch {
    return false;
  }
}

async function requireFreePorts(ports: HostPorts): Promise<void> {
  const wanted = [
    { protocol: 'tcp', port: ports.http, flag: '--http-port' },
    { protocol: 'udp', port: ports.udp, flag: '--udp-port' },
  ] as const;
  for (const { protocol, port, flag } of wanted) {
    if (await isPortFree(protocol, port)) continue;
    throw new KindFault(
      `Port ${port} (${protocol}) of 127.0.0.1 is taken`,
      `Stop what listens there, or take another: npm run kind:up -- ${flag} ${port + 1}`,
    );
  }
}

/** What the engine says of a port of the node, like `127.0.0.1:8080`. */
async function mappedPort(engine: Engine, node: string, port: string): Promise<number> {
  const { stdout } = await tryCommand(engine, ['port', node, port]);
  return Number(/:(\d+)\s*$/m.exec(stdout)?.[1] ?? Number.NaN);
}

/** Where a cluster that is there can be reached; NaN where it cannot. */
export async function mappedPorts(engine: Engine, name: string): Promise<HostPorts> {
  const node = nodeOf(name);
  return {
    http: await mappedPort(engine, node, `${NODE_PORTS.http}/tcp`),
    udp: await mappedPort(engine, node, `${NODE_PORTS.udp}/udp`),
  };
}

/** A cluster keeps the ports that it was made with. */
async function requirePorts(engine: Engine, name: string, asked: Partial<HostPorts>): Promise<HostPorts> {
  const ports = await mappedPorts(engine, name);
  const differs = (which: keyof HostPorts): boolean => asked[which] !== undefined && asked[which] !== ports[which];
  if (Number.isNaN(ports.http) || Number.isNaN(ports.udp) || differs('http') || differs('udp')) {
    throw new KindFault(
      `The cluster ${name} is there with ports ${ports.http} (HTTP) and ${ports.udp} (UDP), which it keeps`,
      `Delete it first: npm run kind:down -- --name ${name}`,
    );
  }
  return ports;
}

async function create({ cluster, ports }: KindOptions, kubeconfig: string): Promise<void> {
  const wanted = { ...DEFAULT_HOST_PORTS, ...ports };
  await requireFreePorts(wanted);
  const image = process.env['KIND_NODE_IMAGE'];
  const args = ['create', 'cluster', '--name', cluster, '--config', '-', '--kubeconfig', kubeconfig];
  await runCommand('kind', [...args, ...(image === undefined || image === '' ? [] : ['--image', image])], {
    input: clusterConfig(wanted),
    isShown: true,
  });
}

/** A node that was stopped, as by a restart of the machine, is started again. */
async function wake(engine: Engine, name: string): Promise<void> {
  const { stdout } = await tryCommand(engine, ['inspect', '--format', '{{.State.Running}}', nodeOf(name)]);
  if (stdout.trim() !== 'true') await runCommand(engine, ['start', nodeOf(name)]);
}

/** Throws KindFault with what to do. */
export async function ensureCluster(root: string, engine: Engine, options: KindOptions): Promise<Cluster> {
  const { cluster: name } = options;
  const kubeconfig = kubeconfigOf(root, name);
  mkdirSync(path.dirname(kubeconfig), { recursive: true });
  const isThere = (await runCommand('kind', ['get', 'clusters'])).split('\n').includes(name);
  if (isThere) await wake(engine, name);
  else await create(options, kubeconfig);
  const ports = await requirePorts(engine, name, options.ports);
  await runCommand('kind', ['export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfig]);
  const wait = ['wait', '--for=condition=Ready', 'node', '--all', `--timeout=${READY_LIMIT}`];
  const ready = await tryCommand('kubectl', ['--kubeconfig', kubeconfig, ...wait]);
  if (ready.status !== 0) {
    throw new KindFault(
      `The cluster ${name} is there but not ready after ${READY_LIMIT}: ${ready.stderr.trim()}`,
      `Make it anew: npm run kind:down -- --name ${name} && npm run kind:up`,
    );
  }
  const hook = process.env['WEIR_KIND_AFTER_CREATE'];
  if (!isThere && hook !== undefined && hook !== '') {
    await runCommand('sh', ['-c', hook], { env: { KUBECONFIG: kubeconfig }, isShown: true });
  }
  return { name, engine, kubeconfig, ports };
}
