/** Settings as the rows of a Markdown table, so that pages about them can be checked. */
import type { TProperties } from 'typebox';
import { describeExpectation, fieldOf, isOptional } from './field.ts';

/** One row per setting: name, what it takes, default, meaning. */
export function settingsTable(settings: TProperties): string {
  const rows = Object.entries(settings).map(([name, schema]) => {
    const field = fieldOf(schema);
    const names = [name, ...(field.aliases ?? [])].map((text) => `\`${text}\``).join(' or ');
    const absent = isOptional(schema) ? 'none' : 'required';
    const byDefault = field.defaultText ?? (field.default === undefined ? absent : `\`${field.default}\``);
    const secret = field.isSecret === true ? ' Secret.' : '';
    return `| ${names} | ${describeExpectation(field)} | ${byDefault} | ${field.description ?? ''}${secret} |`;
  });
  return ['| variable | takes | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
