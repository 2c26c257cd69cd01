/** The text of docs/resources.md: every field of the resources with its type, bounds, default and meaning. */
import type { StructuralSchema } from '@weir/crds';
import type { Definition } from './generate-crds.ts';
import { generatedBy } from './generated-file.ts';

const introduction = `Weir is declared with two custom resources. The same files work everywhere: \`kubectl apply\` in a cluster, a folder in
standalone mode (\`npm start -- --resources <folder>\`). Whoever reads them applies the defaults below and refuses a file with
every fault at once, each with its line, field and fix; what contradicts another resource is told when no file is wrong by
itself. Examples are in [crds/examples](../crds/examples), faulty ones with their messages in [crds/examples/invalid](../crds/examples/invalid).`;

export function resourceReference(definitions: readonly Definition[], example: string): string {
  const parts = [
    '# Resources',
    `<!-- ${generatedBy('hack/generate-crds.ts', 'crds/*.yaml')} -->`,
    introduction,
    ...definitions.toReversed().map(sectionOf),
    `## Example\n\n\`\`\`yaml\n${example.trim()}\n\`\`\``,
    units,
  ];
  return `${parts.join('\n\n')}\n`;
}

const units = `## Units

* A duration is a text of hours, minutes, seconds and milliseconds: \`90s\`, \`1h30m\`, \`250ms\`.
* Money is a text in US dollars with at most six decimals: \`"0.0001"\`. Quoted, or YAML makes a number of it, and numbers are refused.
* A pair of asset and quote has one owner: two PriceFeeds that name it are in conflict, and the older one keeps it.`;

function sectionOf({ spec }: Definition): string {
  const { kind, plural, shortNames } = spec.names;
  const schema = spec.versions[0]?.schema.openAPIV3Schema;
  const rules: string[] = [];
  const rows = { spec: rowsOf(schema?.properties?.['spec'], 'spec', rules), status: '' };
  rows.status = rowsOf(schema?.properties?.['status'], 'status', []);
  const own = (schema?.['x-kubernetes-validations'] ?? []).map(({ message }) => message);
  const checks = [...own, ...rules].map((message) => `* ${message}`).join('\n');
  const name = `\`${plural}.${spec.group}\`, short ${shortNames.map((text) => `\`${text}\``).join(', ')}`;
  return `## ${kind}

${schema?.description ?? ''} (${name})

${tableHead}
${rows.spec}

What the types cannot say:

${checks}

Observed:

${tableHead}
${rows.status}`;
}

const tableHead = '| field | type | default | meaning |\n|---|---|---|---|';

/** Rows of an object's fields, depth first; collects the messages of its rules. */
function rowsOf(schema: StructuralSchema | undefined, at: string, rules: string[]): string {
  if (schema === undefined) return '';
  const rows: string[] = [];
  const enter = (current: StructuralSchema, path: string, isRequired: boolean): void => {
    rules.push(...(current['x-kubernetes-validations'] ?? []).map(({ message }) => message));
    if (path !== at) rows.push(row(current, path, isRequired));
    const members = current.items ?? current;
    if (current.items !== undefined) {
      rules.push(...(current.items['x-kubernetes-validations'] ?? []).map(({ message }) => message));
    }
    const inner = current.items === undefined ? path : `${path}[]`;
    for (const [name, field] of Object.entries(members.properties ?? {})) {
      enter(field, `${inner}.${name}`, members.required?.includes(name) ?? false);
    }
  };
  enter(schema, at, false);
  return rows.join('\n');
}

function row(schema: StructuralSchema, path: string, isRequired: boolean): string {
  const { default: value, description = '' } = schema;
  const fallback = value === undefined ? (isRequired ? 'required' : '–') : `\`${JSON.stringify(value)}\``;
  const shown = schema.type === 'object' && value !== undefined ? '–' : fallback;
  return `| \`${path}\` | ${typeText(schema)} | ${shown} | ${description.replaceAll('|', '\\|')} |`;
}

function typeText(schema: StructuralSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((text) => `\`${text}\``).join(', ');
  const { minimum, maximum, maxItems, items, type, format } = schema;
  if (type === 'array') {
    const of = items?.enum ?? [items?.type ?? 'any'];
    return `list of ${of.join(', ')}${maxItems === undefined ? '' : `, at most ${maxItems}`}`;
  }
  if (minimum !== undefined && maximum !== undefined) return `${type}, ${minimum} to ${maximum}`;
  return format === 'date-time' ? 'date and time' : type;
}
