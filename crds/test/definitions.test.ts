import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createRuleEvaluator } from '../src/cel-rules.ts';
import { createResourceReader } from '../src/index.ts';
import { apiKeyPolicySchema } from '../src/generated/api-key-policy.ts';
import { priceFeedSchema } from '../src/generated/price-feed.ts';
import { asRecord, formatPlace, visitValues, type StructuralSchema } from '../src/structural-schema.ts';
import { everything } from './every-field.ts';

const folder = path.resolve(import.meta.dirname, '..');

/** A CustomResourceDefinition as far as these tests read it. */
interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames: readonly string[] };
    readonly versions: readonly [
      {
        readonly subresources: { readonly scale?: object };
        readonly additionalPrinterColumns: readonly { readonly name: string }[];
        readonly schema: { readonly openAPIV3Schema: StructuralSchema };
      },
    ];
  };
}

const readDefinition = (name: string): Definition => parse(readFileSync(path.join(folder, name), 'utf8')) as Definition;
const definitions = ['pricefeeds.yaml', 'apikeypolicies.yaml'].map((name) => ({
  name,
  definition: readDefinition(name),
}));

/** Keywords of a structural schema that Weir uses; anything else is a typing error an API server would refuse. */
const KEYWORDS = new Set(
  (
    'type description default example enum format required properties additionalProperties items pattern minLength ' +
    'maxLength minItems maxItems maxProperties minimum maximum x-kubernetes-list-type x-kubernetes-list-map-keys ' +
    'x-kubernetes-preserve-unknown-fields x-kubernetes-validations'
  ).split(' '),
);

/** Every schema of a tree with its path. */
function* schemasOf(schema: StructuralSchema, at: string): Generator<[string, StructuralSchema]> {
  yield [at, schema];
  for (const [name, field] of Object.entries(schema.properties ?? {})) yield* schemasOf(field, `${at}.${name}`);
  if (schema.items !== undefined) yield* schemasOf(schema.items, `${at}[]`);
  if (schema.additionalProperties !== undefined) yield* schemasOf(schema.additionalProperties, `${at}{}`);
}

describe.each(definitions)('$name', ({ definition }) => {
  const [version] = definition.spec.versions;
  const schema = version.schema.openAPIV3Schema;
  const schemas = [...schemasOf(schema, '')];

  it('is what the generated module holds', () => {
    expect(schema).toEqual(definition.spec.names.kind === 'PriceFeed' ? priceFeedSchema : apiKeyPolicySchema);
  });

  it('has a short name, the category weir, a status of its own and an age column', () => {
    expect(definition.metadata.name).toBe(`${definition.spec.names.plural}.${definition.spec.group}`);
    expect(definition.spec).toMatchObject({ group: 'weir.dev', scope: 'Namespaced', names: { categories: ['weir'] } });
    expect(version).toMatchObject({ name: 'v1alpha1', served: true, storage: true, subresources: { status: {} } });
    expect(definition.spec.names.shortNames).toEqual([definition.spec.names.kind === 'PriceFeed' ? 'pf' : 'akp']);
    expect(version.additionalPrinterColumns.map(({ name }) => name)).toContain('Age');
  });

  it('is born unobserved, with conditions as a map by type', () => {
    expect(schema.properties?.['status']?.default).toEqual({ observedGeneration: -1 });
    expect(schema.properties?.['status']?.properties?.['conditions']).toMatchObject({
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    });
  });

  it('uses only keywords it means', () => {
    const strange = schemas.flatMap(([at, value]) =>
      Object.keys(value)
        .filter((keyword) => !KEYWORDS.has(keyword))
        .map((keyword) => `${at}: ${keyword}`),
    );
    expect(strange).toEqual([]);
  });

  it('describes every field', () => {
    const silent = schemas.filter(([at, value]) => /\.\w+$/.test(at) && value.description === undefined);
    expect(silent.map(([at]) => at)).toEqual([]);
  });

  it('bounds every list, map and text, so that the cost of its rules is bounded', () => {
    const open = schemas.filter(([, value]) => {
      if (value.type === 'array') return value.maxItems === undefined || value['x-kubernetes-list-type'] === undefined;
      if (value.type === 'string')
        return value.maxLength === undefined && value.enum === undefined && value.format === undefined;
      return value.additionalProperties !== undefined && value.maxProperties === undefined;
    });
    expect(open.map(([at]) => at)).toEqual([]);
  });

  it('gives every pattern an example that fits', () => {
    for (const [at, { pattern, example }] of schemas) {
      if (pattern === undefined || at.startsWith('.status')) continue;
      expect(String(example), at).toMatch(new RegExp(pattern));
    }
  });

  it('has defaults that are whole before the defaults below them are in, as the API server judges them', () => {
    const evaluator = createRuleEvaluator();
    const withDefault = schemas.filter(([, value]) => value.default !== undefined);
    expect(withDefault.length).toBeGreaterThan(0);
    for (const [at, described] of withDefault) {
      const raw = described.default;
      expect(evaluator.evaluate(described, raw), at).toEqual([]);
      visitValues(described, raw, ({ required = [] }, value, place) => {
        const missing = required.filter((name) => asRecord(value)?.[name] === undefined);
        expect(missing, `${at} ${formatPlace(place)}`).toEqual([]);
      });
      // A default that is spelled out says what its fields' own defaults say.
      for (const [name, value] of Object.entries(asRecord(raw) ?? {})) {
        const field = described.properties?.[name]?.default;
        if (field !== undefined) expect(value, `${at}.${name}`).toEqual(field);
      }
    }
  });

  it('writes its messages as field, problem and fix', () => {
    for (const [at, value] of schemas) {
      for (const { message } of value['x-kubernetes-validations'] ?? []) expect(message, at).toMatch(/^[\w.]+ .+; .+$/);
    }
  });
});

describe('the scale of a PriceFeed', () => {
  it('has paths that exist, and a default without which /scale would fail', () => {
    const [version] = readDefinition('pricefeeds.yaml').spec.versions;
    expect(version.subresources.scale).toEqual({
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    });
    expect(priceFeedSchema.properties?.['spec']?.properties?.['replicas']?.default).toBe(2);
    expect(Object.keys(priceFeedSchema.properties?.['status']?.properties ?? {})).toEqual(
      expect.arrayContaining(['replicas', 'selector']),
    );
  });
});

describe('every CEL rule', () => {
  const rulesOf = (schema: StructuralSchema): string[] =>
    [...schemasOf(schema, '')].flatMap(([, value]) =>
      (value['x-kubernetes-validations'] ?? []).map((rule) => rule.message),
    );
  const messages = [...rulesOf(priceFeedSchema), ...rulesOf(apiKeyPolicySchema)];

  it('holds for resources that use every field, and is evaluated there', () => {
    const seen = new Set<string>();
    for (const resource of everything()) {
      const schema = resource.kind === 'PriceFeed' ? priceFeedSchema : apiKeyPolicySchema;
      expect(createRuleEvaluator().evaluate(schema, resource)).toEqual([]);
      visitValues(schema, resource, (described) => {
        for (const { message } of described['x-kubernetes-validations'] ?? []) seen.add(message);
      });
    }
    expect(messages.filter((message) => !seen.has(message))).toEqual([]);
  });

  it('is broken by one of the invalid examples', () => {
    const reader = createResourceReader();
    const invalid = path.join(folder, 'examples/invalid');
    const faults = readdirSync(invalid).flatMap(
      (file) => reader.read(readFileSync(path.join(invalid, file), 'utf8'), file).faults,
    );
    const texts = faults.map(({ problem, fix }) => `${problem}; ${fix}`);
    expect(messages.filter((message) => !texts.some((text) => message.endsWith(text)))).toEqual([]);
  });
});
