/** What may stand in a placeholder of a key: one pattern per parameter name, so that no value can pretend to be a part of the key. */

interface Parameter {
  /** Source of a regular expression without capturing groups, anchors or braces outside quantifiers. */
  readonly pattern: string;
  readonly description: string;
}

const KUBERNETES_NAMESPACE = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const KUBERNETES_NAME = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';
const OPAQUE_ID = '[A-Za-z0-9_-]{1,64}';
const UPSTREAM = '[a-z0-9][a-z0-9._-]{0,62}';

/** A template may use only these names. None but `scope`, which stands between braces, admits a colon. */
export const parameters = {
  asset: { pattern: '[A-Z0-9]{1,15}', description: 'asset code, such as `BTC`' },
  day: { pattern: '[0-9]{8}', description: 'UTC day, `yyyymmdd`' },
  event_id: { pattern: '[A-Za-z0-9_-]{1,255}', description: 'id of an event, given by Stripe' },
  key_id: { pattern: OPAQUE_ID, description: 'id of an API key, never its text' },
  log_id: { pattern: OPAQUE_ID, description: 'id of a request log row' },
  minute: { pattern: '[0-9]{12}', description: 'UTC minute, `yyyymmddhhmm`' },
  month: { pattern: '[0-9]{6}', description: 'UTC month, `yyyymm`' },
  name: { pattern: KUBERNETES_NAME, description: 'name of a custom resource' },
  namespace: { pattern: KUBERNETES_NAMESPACE, description: 'Kubernetes namespace' },
  node: { pattern: '[A-Za-z0-9][A-Za-z0-9._-]{0,252}', description: 'pod name, or host name outside Kubernetes' },
  pair: {
    pattern: '[A-Z0-9]{1,15}(?:-[A-Z0-9]{1,15})?',
    description: '`BTC` for a price in USD, else asset and quote: `BTC-EUR`',
  },
  part: { pattern: '[1-9][0-9]{0,5}', description: 'number of a part, from 1' },
  project_id: { pattern: OPAQUE_ID, description: 'id of a project' },
  provider: { pattern: UPSTREAM, description: 'venue or registered upstream' },
  request_id: { pattern: '[A-Za-z0-9._-]{1,128}', description: 'id of a request, chosen by the caller' },
  role: { pattern: '[a-z][a-z-]{0,31}', description: 'process, such as `price`' },
  scope: {
    pattern: `lpo(?::${UPSTREAM})?|llm:${UPSTREAM}`,
    description: '`lpo`, `lpo:<venue>` or `llm:<provider>`',
  },
  service: { pattern: UPSTREAM, description: 'name of a registered upstream' },
  session_id: { pattern: '[A-Za-z0-9_-]{1,255}', description: 'id of a session, checkout or UDP' },
  sha256: { pattern: '[0-9a-f]{64}', description: 'SHA-256 of a key text, lower-case hex' },
  tag: { pattern: '[0-9a-z]{1,16}', description: 'hash tag whose slot lies on the shard meant; `0` without Cluster' },
  venue: { pattern: '[a-z][a-z0-9]{0,31}', description: 'exchange, such as `coinbase`' },
  writer: { pattern: OPAQUE_ID, description: 'random id of one process start' },
} as const satisfies Record<string, Parameter>;

export type ParameterName = keyof typeof parameters;

const anchored = Object.fromEntries(
  Object.entries(parameters).map(([name, { pattern }]) => [name, new RegExp(`^(?:${pattern})$`)]),
) as Record<ParameterName, RegExp>; // `fromEntries` forgets the names that `entries` has just listed

/** Whether a text may be used as a value of the parameter: what the schemas that values come in by are held against. */
export function isParameter(name: ParameterName, value: string): boolean {
  return anchored[name].test(value);
}
