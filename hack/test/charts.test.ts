/** What holds for every object of every rendering of the charts. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decoded,
  everything,
  hasHelm,
  isHelmRequired,
  lint,
  ownPostgres,
  podOf,
  readManifests,
  renderText,
  subcharts,
  umbrella,
  valuesFiles,
  type Manifest,
  type Rendering,
} from './rendered-charts.ts';

it.runIf(isHelmRequired)('helm is there, since WEIR_REQUIRE_HELM says that it must be', () => {
  expect(hasHelm).toBe(true);
});

const cases: Readonly<Record<string, Rendering>> = {
  'a Postgres of its own': { values: ownPostgres },
  everything: { values: everything },
  'a Valkey of its own': {
    values: {
      global: { ...ownPostgres.global, valkey: { host: 'valkey.example', usersSecret: 'users' } },
      valkey: { enabled: false },
    },
  },
  ...Object.fromEntries(
    valuesFiles.map((file) => [file, { files: [file], values: file === 'values-kind.yaml' ? {} : ownPostgres }]),
  ),
  ...Object.fromEntries(subcharts.map((chart) => [`${path.basename(chart)} alone`, { chart, values: ownPostgres }])),
};

/** Every member of an object, however deep, with its path. */
function members(value: unknown, at = ''): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = `${at}.${key}`;
    return [[name, inner] as const, ...members(inner, name)];
  });
}

const nameOf = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.name}`;

describe.skipIf(!hasHelm)(`charts by helm${hasHelm ? '' : ' (skipped: helm is not on PATH)'}`, () => {
  describe.each([umbrella, ...subcharts])('%s', (chart) => {
    it('passes helm lint --strict', () => {
      const { ok, output } = lint(chart);
      expect(ok, output).toBe(true);
    });
  });

  it('are rendered as a part of another chart, which may leave them out', () => {
    const parent = mkdtempSync(path.join(tmpdir(), 'weir-parent-'));
    try {
      const dependency = { name: 'weir', version: '>=0.0.0-0', condition: 'weir.enabled' };
      const chart = { apiVersion: 'v2', name: 'parent', version: '1.0.0', dependencies: [dependency] };
      writeFileSync(path.join(parent, 'Chart.yaml'), JSON.stringify(chart));
      mkdirSync(path.join(parent, 'charts'));
      cpSync(umbrella, path.join(parent, 'charts/weir'), { recursive: true });
      const kinds = (enabled: boolean): number =>
        readManifests(renderText({ chart: parent, values: { ...ownPostgres, weir: { enabled } } })).length;
      expect(kinds(true)).toBeGreaterThan(10);
      expect(kinds(false)).toBe(0);
    } finally {
      rmSync(parent, { recursive: true });
    }
  });

  it.each(valuesFiles)('passes helm lint --strict with %s', (file) => {
    const { ok, output } = lint(umbrella, [file]);
    expect(ok, output).toBe(true);
  });

  describe.each(Object.entries(cases))('%s', (_, rendering) => {
    // Before the tests: their names come from it. An empty rendering has no pods to look at.
    const text = hasHelm ? renderText(rendering) : '';
    const manifests = readManifests(text);
    const pods = manifests.flatMap((manifest) => {
      const pod = podOf(manifest);
      return pod === undefined ? [] : [{ name: nameOf(manifest), manifest, ...pod }];
    });
    const containers = pods.flatMap((pod) =>
      [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((container) => ({ ...container, pod })),
    );

    it('renders objects, each once', () => {
      expect(manifests.length).toBeGreaterThan(0);
      const names = manifests.map((manifest) => `${nameOf(manifest)} ${manifest.metadata.namespace ?? ''}`);
      expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
    });

    it('holds nothing that server-side apply would stumble over', () => {
      for (const manifest of manifests) {
        for (const [at, value] of members(manifest)) {
          expect(value, `${nameOf(manifest)}${at}`).not.toBeNull();
          if (/\.(labels|annotations|nodeSelector|affinity)$/.test(at) && manifest.kind !== 'CustomResourceDefinition')
            expect(value, `${nameOf(manifest)}${at}`).not.toEqual({});
        }
      }
    });

    it('labels every object in the standard way', () => {
      for (const manifest of manifests) {
        expect(manifest.metadata.labels, nameOf(manifest)).toMatchObject({
          'app.kubernetes.io/name': expect.stringMatching(/^weir-/),
          'app.kubernetes.io/instance': 'weir',
          'app.kubernetes.io/component': expect.any(String),
          'app.kubernetes.io/part-of': 'weir',
          'app.kubernetes.io/managed-by': 'Helm',
          'app.kubernetes.io/version': expect.any(String),
          'helm.sh/chart': expect.stringMatching(/-0\.1\.0$/),
        });
      }
    });

    it('runs pods as the restricted Pod Security Standard wants them', () => {
      for (const { name, spec } of pods) {
        expect(spec.securityContext, name).toMatchObject({
          runAsNonRoot: true,
          seccompProfile: { type: 'RuntimeDefault' },
        });
        expect(spec.hostNetwork, name).toBeUndefined();
        expect(spec.volumes?.filter(({ hostPath }) => hostPath !== undefined) ?? [], name).toEqual([]);
      }
      for (const { name, pod, securityContext } of containers) {
        expect(securityContext, `${pod.name} ${name}`).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    });

    it('gives no pod a token but the operator, and no pod variables of Services', () => {
      for (const { name, labels, spec } of pods) {
        const isOperator = labels['app.kubernetes.io/component'] === 'operator';
        expect(spec.automountServiceAccountToken, name).toBe(isOperator);
        expect(spec.enableServiceLinks, name).toBe(false);
        expect(spec.terminationGracePeriodSeconds, name).toBeGreaterThan(0);
      }
    });

    it('gives every container requests, a limit of memory and a pinned image', () => {
      for (const { name, pod, image, resources } of containers) {
        expect(resources?.requests, `${pod.name} ${name}`).toMatchObject({
          cpu: expect.anything(),
          memory: expect.anything(),
        });
        expect(resources?.limits?.['memory'], `${pod.name} ${name}`).toBeDefined();
        expect(image, pod.name).toMatch(/(?::(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})$/);
      }
    });

    it('probes everything that runs on, without a shell', () => {
      for (const { pod, livenessProbe, readinessProbe, startupProbe } of containers) {
        if (pod.manifest.kind === 'Pod') continue;
        for (const probe of [livenessProbe, readinessProbe, startupProbe]) {
          expect(probe, pod.name).toBeDefined();
          expect(probe?.exec?.command[0] ?? '', pod.name).not.toMatch(/sh$/);
        }
      }
    });

    it('names every variable and port once', () => {
      for (const { pod, env = [], ports = [] } of containers) {
        for (const names of [env.map((variable) => variable.name), ports.map((port) => port.name)])
          expect(names, pod.name).toEqual([...new Set(names)]);
      }
    });

    it('selects by labels that its pods have and that no upgrade changes', () => {
      for (const { manifest, name, labels } of pods) {
        if (manifest.kind === 'Pod') continue;
        const versions = Object.keys(labels).filter((label) => /version|chart/.test(label));
        expect(versions, name).toEqual([]);
        const selector = manifest.spec?.selector?.matchLabels ?? {};
        expect(Object.keys(selector).toSorted(), name).toEqual([
          'app.kubernetes.io/component',
          'app.kubernetes.io/instance',
          'app.kubernetes.io/name',
        ]);
        expect(labels, name).toMatchObject(selector);
        for (const claim of manifest.spec?.volumeClaimTemplates ?? [])
          expect(claim.metadata.labels, name).toEqual(selector);
      }
    });

    it('keeps replicas of one revision apart', () => {
      for (const { manifest, spec, labels } of pods) {
        if (manifest.kind !== 'Deployment' || labels['app.kubernetes.io/component'] === 'exchanges') continue;
        expect(spec.topologySpreadConstraints?.map(({ matchLabelKeys }) => matchLabelKeys)).toEqual([
          ['pod-template-hash'],
          ['pod-template-hash'],
        ]);
      }
    });

    it('shows what is in Secrets nowhere else', () => {
      const secrets = manifests.filter(({ kind }) => kind === 'Secret');
      const others = manifests.filter(({ kind }) => kind !== 'Secret').map((manifest) => JSON.stringify(manifest));
      for (const secret of secrets) {
        for (const key of Object.keys(secret.data ?? {})) {
          expect(decoded(secret, key).length, key).toBeGreaterThanOrEqual(40);
          for (const other of others) expect(other.includes(decoded(secret, key)), key).toBe(false);
        }
      }
    });

    it('grants no wildcard, and never a list or watch of Secrets', () => {
      for (const manifest of manifests) {
        for (const { apiGroups, resources, verbs } of manifest.rules ?? []) {
          expect([...apiGroups, ...resources, ...verbs], nameOf(manifest)).not.toContain('*');
          if (resources.includes('secrets')) {
            expect(verbs, nameOf(manifest)).not.toContain('list');
            expect(verbs, nameOf(manifest)).not.toContain('watch');
          }
        }
      }
    });
  });
});

describe('schemas of the charts', () => {
  const schemas = [umbrella, ...subcharts].map((chart) => ({
    chart: path.basename(chart),
    // JSON of this repository.
    schema: JSON.parse(readFileSync(path.join(chart, 'values.schema.json'), 'utf8')) as {
      readonly additionalProperties: boolean;
      readonly properties: Readonly<Record<string, unknown>>;
      readonly $defs: Readonly<Record<string, unknown>>;
    },
  }));

  it.each(schemas)('$chart refuses values that it does not know, and bears what a parent chart adds', ({ schema }) => {
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties).toHaveProperty('global');
    expect(schema.properties).toHaveProperty('enabled');
    expect(schema.$defs['global']).not.toHaveProperty('additionalProperties');
  });

  it('say the same of what the charts share', () => {
    const seen: Record<string, unknown> = {};
    for (const { schema, chart } of schemas) {
      for (const [name, definition] of Object.entries(schema.$defs)) {
        seen[name] ??= definition;
        expect(definition, `${name} of ${chart}`).toEqual(seen[name]);
      }
    }
  });
});
