/** The cluster on this machine: its name, its files, and which of its ports are reachable on 127.0.0.1. Pure. */
import path from 'node:path';

export const DEFAULT_CLUSTER = 'weir';

/** Ports of the node that NodePort Services listen on; the values beside this file give them to the charts. */
export const NODE_PORTS = { http: 30_080, udp: 30_404 } as const;

export interface HostPorts {
  readonly http: number;
  readonly udp: number;
}

export const DEFAULT_HOST_PORTS: HostPorts = { http: 8080, udp: 4404 };

/** Of the container that is the node. */
export const nodeOf = (cluster: string): string => `${cluster}-control-plane`;

/** A kubeconfig of its own: the one in the home folder stays as it is. */
export function kubeconfigOf(root: string, cluster: string): string {
  return path.join(root, '.weir/kind', `${cluster}.kubeconfig`);
}

/** For `kind create cluster --config`; JSON is YAML. */
export function clusterConfig(ports: HostPorts): string {
  const mapping = (containerPort: number, hostPort: number, protocol: 'TCP' | 'UDP'): object => ({
    containerPort,
    hostPort,
    protocol,
    listenAddress: '127.0.0.1',
  });
  return JSON.stringify({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    nodes: [
      {
        role: 'control-plane',
        extraPortMappings: [mapping(NODE_PORTS.http, ports.http, 'TCP'), mapping(NODE_PORTS.udp, ports.udp, 'UDP')],
      },
    ],
  });
}
