/** docs/keyspace.md from the table in `@weir/keyspace`. */
import { keyspaceSections, parameters, type KeyFamily, type KeyspaceSection } from '@weir/keyspace';
import { generatedBy, type GeneratedFile } from './generated-file.ts';

/** A bar would end the cell, also inside code. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

const nameOf = ({ kind, template }: KeyFamily): string => {
  const code = `\`${template}\``;
  return kind === 'key' ? code : `${kind} ${code}`;
};

function sectionOf({ title, families }: KeyspaceSection): string {
  const rows = Object.entries(families).map(([name, family]) => {
    const writers = family.writers.join(', ');
    const readers = family.readers.join(', ');
    const cells = [nameOf(family), family.type, family.ttl, `${writers} → ${readers}`, family.notes, `\`${name}\``];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  return [
    `## ${title}`,
    '',
    '| key | type | TTL | written by → read by | notes | in code |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function parametersSection(): string {
  const rows = Object.entries(parameters).map(
    ([name, { pattern, description }]) => `| \`<${name}>\` | ${cell(description)} | \`${cell(pattern)}\` |`,
  );
  return ['## Parameters', '', '| parameter | meaning | admits |', '|---|---|---|', ...rows].join('\n');
}

const introduction = `Every name that Weir uses in Valkey. \`<x>\` is a parameter; braces are literal: they are hash tags, which keep the keys that one
script touches in one slot of a Cluster. A row that is not a key says what it is: a channel, a field of a hash, a member of a set.

Valkey holds nothing that cannot be rebuilt. Why it is spelled so, and where it differs from the source documents on purpose:
[decision 2](decisions/0002-keyspace-and-deviations.md). Payloads are in \`services/lib/wire\`.`;

export function generateKeyspace(): readonly GeneratedFile[] {
  const text = [
    '# Keyspace',
    `<!-- ${generatedBy('hack/generate-keyspace.ts', 'services/lib/keyspace')} -->`,
    introduction,
    ...keyspaceSections.map(sectionOf),
    parametersSection(),
  ].join('\n\n');
  return [{ path: 'docs/keyspace.md', text: `${text}\n` }];
}
