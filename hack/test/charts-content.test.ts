/** What the charts make of their values: rights, users, addresses, names, and what they refuse. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig, settingsOf } from '../../operator/src/config.ts';
import { loadConfig } from '../../services/lib/config/index.ts';
import { configSchema as priceSchema } from '../../services/price/src/config.ts';
import { crdTemplate } from '../generate-charts.ts';
import {
  decoded,
  everything,
  find,
  hasHelm,
  ownPostgres,
  podOf,
  refusalOf,
  render,
  root,
  subcharts,
  umbrella,
  type EnvVar,
  type Manifest,
  type Rendering,
} from './rendered-charts.ts';

const page = readFileSync(path.join(root, 'docs/valkey.md'), 'utf8');
const aclOfPage = (/```acl\n(.*?)```/s.exec(page)?.[1] ?? '').trim().split('\n');

/** As a process would find them; what comes from elsewhere is named for where it comes from. */
function environmentOf(manifest: Manifest): Record<string, string> {
  const env: readonly EnvVar[] = podOf(manifest)?.spec.containers[0]?.env ?? [];
  const elsewhere: Record<string, string> = {
    WEIR_POSTGRES_URL: 'postgres://weir:secret@postgres/weir',
    WEIR_OPERATOR_NAMESPACE: 'shop',
    WEIR_NODE_NAME: 'pod-0',
  };
  return Object.fromEntries(
    env.map(({ name, value }) => [name, value ?? elsewhere[name] ?? 'from-a-Secret-in-the-same-namespace']),
  );
}

const merged = (...parts: readonly object[]): object => {
  const result: Record<string, unknown> = {};
  for (const part of parts) {
    for (const [key, value] of Object.entries(part)) {
      const before = result[key];
      const isNested = typeof before === 'object' && before !== null && typeof value === 'object' && value !== null;
      result[key] = isNested && !Array.isArray(value) ? merged(before, value as object) : value;
    }
  }
  return result;
};
const withPostgres = (values: object): Rendering => ({ values: merged(ownPostgres, values) });

describe.skipIf(!hasHelm)(`charts by helm${hasHelm ? '' : ' (skipped: helm is not on PATH)'}`, () => {
  describe('rights of the operator', () => {
    const rulesOf = (manifests: readonly Manifest[], kind: string, name: string): readonly string[] =>
      (find(manifests, kind, name).rules ?? []).map(
        ({ apiGroups, resources, resourceNames, verbs }) =>
          `${apiGroups.join()}/${resources.join()}${resourceNames === undefined ? '' : `[${resourceNames.join()}]`}: ${verbs.join(' ')}`,
      );
    const inNamespaces = [
      'weir.dev/pricefeeds,apikeypolicies: get list watch patch update',
      'weir.dev/pricefeeds/status,apikeypolicies/status: patch',
      'weir.dev/pricefeeds/finalizers,apikeypolicies/finalizers: update',
      'apps/deployments: get list watch create patch delete',
      '/serviceaccounts,configmaps: get list watch create patch delete',
      'policy/poddisruptionbudgets: get list watch create patch delete',
      'networking.k8s.io/networkpolicies: get list watch create patch delete',
      '/secrets: get create patch update delete',
      '/pods: list watch',
      'events.k8s.io/events: create patch',
    ];

    it('are these in all namespaces, and no others', () => {
      const manifests = render({ values: ownPostgres });
      expect(rulesOf(manifests, 'ClusterRole', 'shop:weir-operator')).toEqual(inNamespaces);
      expect(rulesOf(manifests, 'Role', 'weir-operator-own')).toEqual([
        'coordination.k8s.io/leases: create',
        'coordination.k8s.io/leases[weir-operator]: get update',
        '/pods: list watch',
      ]);
      const own = manifests.filter(({ kind }) => /^(?:Cluster)?Role$/.test(kind)).map(({ metadata }) => metadata.name);
      expect(own.toSorted()).toEqual([
        'shop:weir-operator',
        'shop:weir-operator:admin',
        'shop:weir-operator:edit',
        'shop:weir-operator:view',
        'weir-operator-own',
      ]);
    });

    it('end at the namespaces that it watches', () => {
      const manifests = render(
        withPostgres({ operator: { watchNamespaces: ['shop', 'desk'], rbac: { aggregate: false } } }),
      );
      expect(manifests.filter(({ kind }) => kind.startsWith('ClusterRole'))).toEqual([]);
      const roles = manifests.filter(({ kind, metadata }) => kind === 'Role' && metadata.name === 'weir-operator');
      expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(['shop', 'desk']);
      for (const role of roles) expect(rulesOf([role], 'Role', 'weir-operator')).toEqual(inNamespaces);
      const bindings = manifests.filter(({ kind }) => kind === 'RoleBinding');
      expect(bindings.map(({ metadata }) => metadata.namespace)).toEqual(['shop', 'desk', 'shop']);
    });

    it('are handed on to the roles of people', () => {
      const labels = find(render({ values: ownPostgres }), 'ClusterRole', 'shop:weir-operator:view').metadata.labels;
      expect(labels).toMatchObject({ 'rbac.authorization.k8s.io/aggregate-to-view': 'true' });
    });

    it('let only administrators write policies, which hand out keys', () => {
      const manifests = render({ values: ownPostgres });
      const edit = rulesOf(manifests, 'ClusterRole', 'shop:weir-operator:edit').join('\n');
      const admin = rulesOf(manifests, 'ClusterRole', 'shop:weir-operator:admin').join('\n');
      expect(edit).toContain('pricefeeds: create');
      expect(edit).not.toContain('apikeypolicies');
      expect(admin).toContain('apikeypolicies: create');
    });
  });

  describe('users of Valkey', () => {
    it('have the rights of docs/valkey.md, and the passwords beside them', () => {
      const secret = find(render({ values: ownPostgres }), 'Secret', 'weir-valkey-users');
      const lines = decoded(secret, 'users.acl').trim().split('\n');
      expect(lines[0]).toBe('user default reset off');
      const expected = aclOfPage.map((line) => {
        const [user = '', ...rights] = line.split(' ');
        const digest = createHash('sha256').update(decoded(secret, user)).digest('hex');
        return ['user', user, 'on', `#${digest}`, ...rights].join(' ');
      });
      expect(lines.slice(1)).toEqual(expected);
      expect(Object.keys(secret.data ?? {}).toSorted()).toEqual(['feed', 'operator', 'price', 'users.acl']);
    });

    it('come from a Secret of the user’s, if there is one', () => {
      const manifests = render(withPostgres({ global: { valkey: { usersSecret: 'mine' } } }));
      expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
      expect(JSON.stringify(find(manifests, 'Deployment', 'weir-price'))).toContain('"name":"mine"');
      expect(JSON.stringify(find(manifests, 'StatefulSet', 'weir-valkey'))).toContain('"secretName":"mine"');
    });
  });

  describe('settings of the processes', () => {
    it('are ones that the operator accepts', () => {
      const plain = settingsOf(
        readConfig(environmentOf(find(render({ values: ownPostgres }), 'Deployment', 'weir-operator'))),
        () => '',
      );
      expect(plain).toMatchObject({
        namespace: 'shop',
        watchNamespaces: [],
        trustedNamespaces: ['shop'],
        keyMode: 'live',
        venueAddresses: {},
        feed: { image: 'weir:0.1.0', valkeyUrl: 'redis://weir-valkey.shop.svc:6379', valkeyUsername: 'feed' },
      });
      const environment = environmentOf(find(render({ values: everything }), 'Deployment', 'weir-operator'));
      expect(settingsOf(readConfig(environment), () => 'PEM')).toMatchObject({
        watchNamespaces: ['shop', 'desk'],
        trustedNamespaces: ['desk'],
        venueAddresses: {
          coinbase: { url: 'ws://weir-exchanges.shop.svc:9001/', restUrl: 'http://weir-exchanges.shop.svc:9001' },
          kraken: { url: 'wss://proxy.example', restUrl: 'https://proxy.example' },
          gateio: {
            url: 'ws://weir-exchanges.shop.svc:9004/ws/v4/',
            restUrl: 'http://weir-exchanges.shop.svc:9004/api/v4',
          },
        },
        feed: {
          image: 'registry.example:5000/weir:0.1.0',
          imagePullSecrets: ['pull'],
          valkeyUrl: 'rediss://weir-valkey.shop.svc:6379',
          valkeyCa: 'PEM',
          valkeyServername: 'valkey.example',
          otlpEndpoint: 'http://collector:4318',
        },
      });
    });

    it('ask the simulated exchanges for their health at a port that no fault closes', () => {
      const [container] =
        podOf(find(render({ values: everything }), 'Deployment', 'weir-exchanges'))?.spec.containers ?? [];
      const { livenessProbe, readinessProbe, startupProbe, args = [] } = container ?? {};
      for (const probe of [livenessProbe, readinessProbe, startupProbe])
        expect(probe).toMatchObject({ httpGet: { path: '/livez', port: 'health' } });
      const port = container?.ports?.find(({ name }) => name === 'health')?.containerPort;
      expect(args).toContain(`--health=${port}`);
    });

    it('are ones that price accepts, with time to drain inside the grace period', () => {
      const environment = environmentOf(find(render({ values: everything }), 'Deployment', 'weir-price'));
      expect(loadConfig(priceSchema, environment)).toMatchObject({
        WEIR_VALKEY_USERNAME: 'price',
        WEIR_VALKEY_TLS_CA_FILE: '/etc/weir/valkey/ca.crt',
        WEIR_STOP_DEADLINE_MS: 20_000,
      });
      const known = Object.keys(priceSchema.properties);
      expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
    });

    it('show clients the authority and never the key of the server', () => {
      const volumes = JSON.stringify(
        podOf(find(render({ values: everything }), 'Deployment', 'weir-price'))?.spec.volumes,
      );
      expect(volumes).toContain('ca.crt');
      expect(volumes).not.toContain('tls.key');
    });
  });

  describe('Valkey', () => {
    const confOf = (manifests: readonly Manifest[]): string =>
      find(manifests, 'ConfigMap', 'weir-valkey').data?.['valkey.conf'] ?? '';

    it('never evicts, and keeps nothing unless it is told to', () => {
      const manifests = render({ values: ownPostgres });
      expect(confOf(manifests)).toMatch(/^maxmemory-policy noeviction$/m);
      expect(confOf(manifests)).toMatch(/^save ""$/m);
      expect(find(manifests, 'StatefulSet', 'weir-valkey').spec?.volumeClaimTemplates).toBeUndefined();
      const kept = render(withPostgres({ valkey: { dataStorage: { enabled: true } } }));
      expect(confOf(kept)).toMatch(/^appendonly yes$/m);
      expect(find(kept, 'StatefulSet', 'weir-valkey').spec?.volumeClaimTemplates).toHaveLength(1);
    });

    it('listens with TLS alone where TLS is asked for', () => {
      const conf = confOf(render({ values: everything }));
      expect(conf).toMatch(/^port 0$/m);
      expect(conf).toMatch(/^tls-port 6379$/m);
    });

    it('is rolled by a change of its configuration, and by nothing else', () => {
      const annotations = (values: object) =>
        find(render(withPostgres(values)), 'StatefulSet', 'weir-valkey').spec?.template?.metadata.annotations;
      const before = annotations({});
      expect(annotations({ services: { price: { replicas: 5 } } })).toEqual(before);
      expect(annotations({ valkey: { maxmemory: '1gb' } })).not.toEqual(before);
    });
  });

  describe('exposure of price', () => {
    const price = (values: object): readonly Manifest[] => render(withPostgres({ services: { price: values } }));

    it('is a ClusterIP unless another is chosen', () => {
      expect(find(price({}), 'Service', 'weir-price').spec).toMatchObject({ type: 'ClusterIP' });
      expect(price({}).filter(({ kind }) => /^(?:Ingress|HTTPRoute)$/.test(kind))).toEqual([]);
    });

    it('is a NodePort, with a Service of its own for UDP', () => {
      const manifests = render({ files: ['values-kind.yaml'] });
      expect(find(manifests, 'Service', 'weir-price').spec?.ports).toEqual([
        { name: 'http', port: 80, targetPort: 'http', protocol: 'TCP', nodePort: 30_080 },
      ]);
      expect(find(manifests, 'Service', 'weir-price-udp').spec?.ports).toEqual([
        { name: 'udp', port: 4404, targetPort: 'udp', protocol: 'UDP', nodePort: 30_404 },
      ]);
    });

    it('over UDP has a secret of its own, or one that is there already; without UDP there is none', () => {
      const secretOf = (udp: object) => {
        const manifests = price({ udp });
        const env = podOf(find(manifests, 'Deployment', 'weir-price'))?.spec.containers[0]?.env ?? [];
        const { valueFrom } = env.find(({ name }) => name === 'WEIR_UDP_SECRET') ?? {};
        const made = manifests.filter(({ kind, metadata }) => kind === 'Secret' && metadata.name === 'weir-price-udp');
        return { valueFrom, made: made.length };
      };
      expect(secretOf({ enabled: false })).toEqual({ valueFrom: undefined, made: 0 });
      expect(secretOf({ enabled: true })).toEqual({
        valueFrom: { secretKeyRef: { name: 'weir-price-udp', key: 'secret' } },
        made: 1,
      });
      expect(secretOf({ enabled: true, existingSecret: 'mine' })).toEqual({
        valueFrom: { secretKeyRef: { name: 'mine', key: 'secret' } },
        made: 0,
      });
    });

    it('is a LoadBalancer, an Ingress and an HTTPRoute', () => {
      const manifests = render({ values: everything });
      expect(find(manifests, 'Service', 'weir-price').spec).toMatchObject({
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        loadBalancerSourceRanges: ['10.0.0.0/8'],
      });
      expect(JSON.stringify(find(manifests, 'Ingress', 'weir-price').spec)).toContain('"host":"prices.example"');
      expect(JSON.stringify(find(manifests, 'HTTPRoute', 'weir-price').spec)).toContain('"name":"weir-price"');
      // Neither lets anybody outside ask for metrics.
      for (const kind of ['Ingress', 'HTTPRoute']) {
        const spec = JSON.stringify(find(manifests, kind, 'weir-price').spec);
        const paths = [...spec.matchAll(/"(\/[^"]*)"/g)].map(([, matched]) => matched);
        expect(paths, kind).toEqual(['/price', '/prices', '/assets', '/v1/udp-sessions', '/docs', '/openapi.json']);
      }
    });

    it('leaves the number of replicas to the autoscaler that there is', () => {
      expect(find(price({}), 'Deployment', 'weir-price').spec).toHaveProperty('replicas', 2);
      const scaled = price({ autoscaling: { enabled: true } });
      expect(find(scaled, 'Deployment', 'weir-price').spec).not.toHaveProperty('replicas');
      expect(find(scaled, 'HorizontalPodAutoscaler', 'weir-price').spec).toMatchObject({ minReplicas: 2 });
    });

    it('marks price as a process that decides about keys', () => {
      expect(podOf(find(price({}), 'Deployment', 'weir-price'))?.labels).toMatchObject({ 'weir.dev/decider': 'price' });
    });
  });

  describe('names', () => {
    const long = 'a-release-whose-name-is-as-long-as-helm-will-allow-it';

    it('fit where Kubernetes puts them, and differ', () => {
      expect(long).toHaveLength(53);
      const namesOf = (release: string): readonly string[] =>
        render({ release, values: { ...everything, operator: { ...everything.operator, watchNamespaces: [] } } })
          .filter(({ metadata }) => metadata.namespace !== undefined)
          .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      const names = namesOf(long);
      for (const name of names) expect(name.split('/')[1]?.length, name).toBeLessThanOrEqual(52);
      expect(new Set(names).size).toBe(names.length);
      const others = new Set(namesOf(`${long.slice(0, -1)}2`));
      expect(names.filter((name) => others.has(name))).toEqual([]);
    });

    it('begin with what fullnameOverride says', () => {
      const manifests = render(withPostgres({ global: { fullnameOverride: 'prices' } }));
      expect(environmentOf(find(manifests, 'Deployment', 'prices-price'))).toMatchObject({
        WEIR_VALKEY_URL: 'redis://prices-valkey.shop.svc:6379',
      });
    });
  });

  it('takes a digest before a tag', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const manifests = render(withPostgres({ global: { image: { registry: 'r.example', tag: 'x', digest } } }));
    expect(podOf(find(manifests, 'Deployment', 'weir-price'))?.spec.containers[0]?.image).toBe(
      `r.example/weir@${digest}`,
    );
  });

  describe('refuses', () => {
    it.each([
      ['no Postgres', {}, 'no Postgres is chosen'],
      ['two', merged(ownPostgres, { postgres: { trial: { enabled: true } } }), 'two Postgres servers are chosen'],
      ['no Valkey', merged(ownPostgres, { valkey: { enabled: false } }), 'no Valkey is chosen'],
      [
        'a Valkey without users',
        merged(ownPostgres, { valkey: { enabled: false }, global: { valkey: { host: 'v' } } }),
        'needs global.valkey.usersSecret',
      ],
      ['two Valkeys', merged(ownPostgres, { global: { valkey: { host: 'v' } } }), 'set valkey.enabled=false'],
      [
        'TLS without a certificate',
        merged(ownPostgres, { global: { valkey: { tls: { enabled: true } } } }),
        'needs global.valkey.tls.existingSecret',
      ],
      [
        'a grace period that ends before the drain',
        merged(ownPostgres, { services: { price: { terminationGracePeriodSeconds: 10 } } }),
        'must exceed price.preStopSleepSeconds',
      ],
      [
        'a variable twice',
        merged(ownPostgres, { services: { price: { extraEnv: [{ name: 'WEIR_LOG_LEVEL', value: 'debug' }] } } }),
        'extraEnv sets WEIR_LOG_LEVEL',
      ],
      [
        'an Ingress without hosts',
        merged(ownPostgres, { services: { price: { ingress: { enabled: true } } } }),
        'ingress.hosts',
      ],
      [
        'a route without a gateway',
        merged(ownPostgres, { services: { price: { httpRoute: { enabled: true } } } }),
        'parentRefs',
      ],
      [
        'a value that nobody reads',
        merged(ownPostgres, { services: { price: { replica: 3 } } }),
        "'replica' not allowed",
      ],
      ['a part that does not exist', merged(ownPostgres, { service: {} }), "'service' not allowed"],
    ])('%s', (_, values, words) => {
      expect(refusalOf({ values })).toContain(words);
    });

    it.each(subcharts.filter((chart) => /operator|services/.test(chart)))('%s alone without Postgres', (chart) => {
      expect(refusalOf({ chart })).toContain('global.postgres.existingSecret is not set');
    });
  });

  it('brings the definitions of crds/, to be kept at uninstall', () => {
    const manifests = render({ values: ownPostgres });
    for (const name of ['pricefeeds', 'apikeypolicies']) {
      const rendered = find(manifests, 'CustomResourceDefinition', `${name}.weir.dev`);
      expect(rendered.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
      // A CustomResourceDefinition of this repository.
      const source = parse(readFileSync(path.join(root, `crds/${name}.yaml`), 'utf8')) as Manifest;
      expect(rendered.spec).toEqual(source.spec);
    }
  });
});

describe('the chart’s copy of a definition', () => {
  it('is refused where it would lose something', () => {
    const head = 'kind: CustomResourceDefinition\nmetadata:\n  name: a.weir.dev\n';
    expect(crdTemplate('a.yaml', `${head}spec: {}\n`)).toContain('resource-policy: keep');
    expect(() => crdTemplate('a.yaml', `${head}  labels: {}\nspec: {}\n`)).toThrow('nothing else');
    expect(() => crdTemplate('a.yaml', `${head}spec: '{{ x }}'\n`)).toThrow('template');
  });
});

it('the chart is at the version of the package', () => {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  const charts = [umbrella, ...subcharts].map(
    (chart) =>
      parse(readFileSync(path.join(chart, 'Chart.yaml'), 'utf8')) as {
        name: string;
        version: string;
        appVersion: string;
      },
  );
  for (const chart of charts) {
    expect(chart.version, chart.name).toBe(version);
    if (chart.name !== 'valkey') expect(chart.appVersion, chart.name).toBe(version);
  }
});
