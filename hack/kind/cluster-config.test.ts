import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { clusterConfig, NODE_PORTS } from './cluster-config.ts';

it('maps the node ports of the values to 127.0.0.1 alone', () => {
  const values = parse(
    readFileSync(path.resolve(import.meta.dirname, '../../charts/weir/values-kind.yaml'), 'utf8'),
  ) as {
    readonly services: { readonly price: Record<'service' | 'udp', { readonly nodePort: number }> };
  };
  const { service, udp } = values.services.price;
  expect({ http: service.nodePort, udp: udp.nodePort }).toEqual(NODE_PORTS);
  expect(JSON.parse(clusterConfig({ http: 81, udp: 82 }))).toMatchObject({
    nodes: [
      {
        extraPortMappings: [
          { containerPort: NODE_PORTS.http, hostPort: 81, protocol: 'TCP', listenAddress: '127.0.0.1' },
          { containerPort: NODE_PORTS.udp, hostPort: 82, protocol: 'UDP', listenAddress: '127.0.0.1' },
        ],
      },
    ],
  });
});
