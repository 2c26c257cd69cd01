/** From crds/*.yaml: the TypeScript types, the schemas as a module (so that bundles hold them) and docs/resources.md. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { StructuralSchema } from '@weir/crds';
import { parse } from 'yaml';
import { generatedBy, type GeneratedFile } from './generated-file.ts';
import { resourceReference } from './resource-reference.ts';

/** What is read of a CustomResourceDefinition; an API server checks the rest. */
export interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames: readonly string[] };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: StructuralSchema };
    }[];
  };
}

const folder = path.resolve(import.meta.dirname, '../crds');

function readDefinitions(): readonly Definition[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  // The files are this repository's own, and tests hold them against the types that come out of them.
  return files.toSorted().map((name) => parse(readFileSync(path.join(folder, name), 'utf8')) as Definition);
}

export function generateCrds(): readonly GeneratedFile[] {
  const definitions = readDefinitions();
  const modules = definitions.map((definition) => ({
    path: `crds/src/generated/${kebab(definition.spec.names.kind)}.ts`,
    text: moduleOf(definition),
  }));
  const examples = readFileSync(path.join(folder, 'examples/majors.yaml'), 'utf8');
  return [...modules, { path: 'docs/resources.md', text: resourceReference(definitions, examples) }];
}

/** "ApiKeyPolicy" is "api-key-policy". */
function kebab(kind: string): string {
  return kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}

function moduleOf({ spec }: Definition): string {
  const { kind, plural } = spec.names;
  const [version] = spec.versions;
  if (version === undefined) throw new Error(`${plural} has no version`);
  const schema = version.schema.openAPIV3Schema;
  const { spec: specSchema, status: statusSchema } = schema.properties ?? {};
  if (specSchema === undefined || statusSchema === undefined) throw new Error(`${plural} needs spec and status`);
  const constant = `${kind.charAt(0).toLowerCase()}${kind.slice(1)}Schema`;
  const apiVersion = `${spec.group}/${version.name}`;
  return `/** ${generatedBy('hack/generate-crds.ts', `crds/${plural}.yaml`)} */
import type { ObjectMeta } from '../object-meta.ts';
import type { StructuralSchema } from '../structural-schema.ts';

${comment(schema)}export interface ${kind} {
  readonly apiVersion: '${apiVersion}';
  readonly kind: '${kind}';
  readonly metadata: ObjectMeta;
  readonly spec: ${kind}Spec;
  readonly status: ${kind}Status;
}

${comment(specSchema)}export interface ${kind}Spec ${typeOf(specSchema)}

${comment(statusSchema)}export interface ${kind}Status ${typeOf(statusSchema)}

export const ${constant}: StructuralSchema = ${JSON.stringify(schema)};
`;
}

/** A field with a default is always there: the API server and readResources fill it in. */
function typeOf(schema: StructuralSchema): string {
  switch (schema.type) {
    case 'string':
      return schema.enum?.map((text) => `'${text}'`).join(' | ') ?? 'string';
    case 'integer':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      return schema.items === undefined ? 'readonly unknown[]' : `readonly (${typeOf(schema.items)})[]`;
    case 'object':
      return objectType(schema);
    default:
      throw new Error(`no TypeScript type for "${String(schema.type satisfies never)}"`);
  }
}

function objectType({ properties, additionalProperties, required = [] }: StructuralSchema): string {
  if (properties === undefined) {
    return `Readonly<Record<string, ${additionalProperties === undefined ? 'unknown' : typeOf(additionalProperties)}>>`;
  }
  const fields = Object.entries(properties).map(([name, schema]) => {
    const isPresent = required.includes(name) || schema.default !== undefined;
    return `${comment(schema)}readonly ${name}${isPresent ? '' : '?'}: ${typeOf(schema)};`;
  });
  return `{\n${fields.join('\n')}\n}`;
}

function comment({ description }: StructuralSchema): string {
  return description === undefined ? '' : `/** ${description} */\n`;
}
