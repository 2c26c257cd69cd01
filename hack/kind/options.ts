/** The command line of kind:up and kind:down. */
import { parseArgs } from 'node:util';
import { DEFAULT_CLUSTER, DEFAULT_HOST_PORTS, type HostPorts } from './cluster-config.ts';
import { KindFault } from './kind-fault.ts';

export interface KindOptions {
  readonly cluster: string;
  /** Absent: the defaults for a new cluster, what it has for one that is there. */
  readonly ports: Partial<HostPorts>;
}

export const UP_HELP = `Weir on Kubernetes on this machine, with kind: cluster, image, charts, examples.

Usage: npm run kind:up -- [options]

  --name <cluster>    name of the cluster (default ${DEFAULT_CLUSTER})
  --http-port <port>  of the price API on 127.0.0.1 (default ${DEFAULT_HOST_PORTS.http})
  --udp-port <port>   for prices over UDP (default ${DEFAULT_HOST_PORTS.udp})
  --help              this text

Running it again brings the cluster up to date. Environment:

  KIND_NODE_IMAGE                image of the node (default: kind's own)
  NODE_BASE_IMAGE                image that Weir's is built on (default: see Containerfile)
  VALKEY_IMAGE, POSTGRES_IMAGE   images of the stores (default: the charts' own)
  KIND_EXPERIMENTAL_PROVIDER     docker, podman or nerdctl (default: the first that answers)
  WEIR_KIND_AFTER_CREATE         command to run once the cluster is there, with KUBECONFIG set
`;

export const DOWN_HELP = `Deletes the cluster that kind:up made, and its kubeconfig.

Usage: npm run kind:down -- [--name <cluster>]   (default ${DEFAULT_CLUSTER})
`;

const flags = {
  name: { type: 'string', default: DEFAULT_CLUSTER },
  'http-port': { type: 'string' },
  'udp-port': { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true }).values;
  } catch (err) {
    const message = err instanceof Error ? err.message : String(err);
    throw new KindFault(message, 'Options follow a lone --: npm run kind:up -- --http-port 8081');
  }
}

/** `undefined` asks for the help. */
export function parseKindOptions(args: readonly string[]): KindOptions | undefined {
  const values = parseFlags(args);
  if (values.help) return undefined;
  const port = (name: 'http-port' | 'udp-port'): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d{1,5}$/.test(text) || value < 1 || value > 65_535)
      throw new KindFault(`--${name} is "${text}", which is no port`, `Write it like --${name} 8081.`);
    return value;
  };
  // What kind takes, short enough for the name of a container.
  if (!/^[a-z0-9][a-z0-9.-]{0,40}$/.test(values.name))
    throw new KindFault(`--name is "${values.name}", which is no name of a cluster`, 'Write it like --name weir-2.');
  const [http, udp] = [port('http-port'), port('udp-port')];
  return { cluster: values.name, ports: { ...(http !== undefined && { http }), ...(udp !== undefined && { udp }) } };
}
