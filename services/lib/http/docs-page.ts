/** An OpenAPI document as one HTML page without scripts or other files, with the error codes at its end. */
import { errorCatalogue } from '@weir/errors';
import { PROBLEM_MEDIA_TYPE } from './problem.ts';

type Node = Readonly<Record<string, unknown>>;

/** Reads the document as data: what is missing or of another shape is left out. */
export function renderDocsPage(document: object): string {
  const root = nodeOf(document);
  const info = nodeOf(root['info']);
  const all = Object.entries(nodeOf(root['paths'])).flatMap(([path, methods]) =>
    Object.entries(nodeOf(methods)).map(([method, operation]) => ({ path, method, operation: nodeOf(operation) })),
  );
  // What the service is for comes first.
  const operations = [...all.filter((entry) => !isOperational(entry)), ...all.filter(isOperational)];
  const title = escapeHtml(textOf(info['title']));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style></head><body>
<h1>${title} <small>${escapeHtml(textOf(info['version']))}</small></h1>
<p>${escapeHtml(textOf(info['description']))}</p>
<p>The same for machines: <a href="/openapi.json">openapi.json</a>.</p>
<nav><ul>${operations.map(renderLink).join('')}</ul></nav>
${operations.map(renderOperation).join('\n')}
<h2 id="errors">Error codes</h2>
<table><tr><th>code</th><th>status</th><th>retry</th><th>what happened</th><th>what to do</th></tr>
${Object.entries(errorCatalogue).map(renderErrorRow).join('\n')}
</table></body></html>
`;
}

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operation: Node;
}

function isOperational({ operation }: Operation): boolean {
  return listOf(operation['tags']).includes('operations');
}

function anchorOf({ method, path }: Operation): string {
  return escapeHtml(`${method}-${path}`);
}

function renderLink(entry: Operation): string {
  const summary = escapeHtml(textOf(entry.operation['summary']));
  const route = `${entry.method.toUpperCase()} ${escapeHtml(entry.path)}`;
  return `<li><a href="#${anchorOf(entry)}"><code>${route}</code></a> ${summary}</li>`;
}

function renderOperation(entry: Operation): string {
  const { operation } = entry;
  const parameters = listOf(operation['parameters']);
  const body = nodeOf(operation['requestBody'])['content'];
  const needsKey = listOf(operation['security']).length > 0;
  return [
    `<section id="${anchorOf(entry)}"><h2><code>${entry.method.toUpperCase()} ${escapeHtml(entry.path)}</code></h2>`,
    `<p>${escapeHtml(textOf(operation['summary']))}</p><p>${escapeHtml(textOf(operation['description']))}</p>`,
    needsKey ? '<p>Needs an API key: <code>Authorization: Bearer weir_live_…</code></p>' : '',
    parameters.length === 0 ? '' : renderParameters(parameters),
    body === undefined ? '' : `<h3>Body</h3>${renderContent(nodeOf(body))}`,
    `<h3>Answers</h3><dl>${Object.entries(nodeOf(operation['responses'])).map(renderAnswer).join('')}</dl></section>`,
  ].join('\n');
}

function renderParameters(parameters: readonly unknown[]): string {
  const rows = parameters.map((value) => {
    const parameter = nodeOf(value);
    const need = parameter['required'] === true ? 'required' : 'optional';
    const cells = [parameter['name'], parameter['in'], need, describeSchema(nodeOf(parameter['schema']))];
    return renderRow([...cells, parameter['description'] ?? nodeOf(parameter['schema'])['description']]);
  });
  return `<h3>Parameters</h3><table><tr><th>name</th><th>in</th><th></th><th>type</th><th>meaning</th></tr>${rows.join('')}</table>`;
}

function renderAnswer([status, value]: [string, unknown]): string {
  const answer = nodeOf(value);
  const description = escapeHtml(textOf(answer['description']));
  const bodies = nodeOf(answer['content']);
  // The problem document is the same everywhere; the table of codes says more than its schema would.
  const isProblem = PROBLEM_MEDIA_TYPE in bodies;
  const codes = isProblem ? ' (see <a href="#errors">error codes</a>)' : '';
  const headers = Object.entries(nodeOf(answer['headers'])).map(renderHeader).join('');
  return `<dt>${escapeHtml(status)}</dt><dd>${description}${codes}${headers}${isProblem ? '' : renderContent(bodies)}</dd>`;
}

function renderHeader([name, value]: [string, unknown]): string {
  return `<br><code>${escapeHtml(name)}</code> ${escapeHtml(textOf(nodeOf(value)['description']))}`;
}

function renderContent(content: Node): string {
  return Object.entries(content)
    .map(([type, value]) => {
      const schema = JSON.stringify(nodeOf(value)['schema'] ?? {}, undefined, 2);
      return `<details><summary>${escapeHtml(type)}</summary><pre>${escapeHtml(schema)}</pre></details>`;
    })
    .join('');
}

function renderErrorRow([code, entry]: [string, (typeof errorCatalogue)[keyof typeof errorCatalogue]]): string {
  const cells = [entry.status, entry.retryable ? 'yes' : 'no', entry.title, entry.fix];
  return `<tr id="${escapeHtml(code)}"><td><code>${escapeHtml(code)}</code></td>${renderCells(cells)}</tr>`;
}

function renderRow(values: readonly unknown[]): string {
  return `<tr>${renderCells(values)}</tr>`;
}

function renderCells(values: readonly unknown[]): string {
  return values.map((value) => `<td>${escapeHtml(textOf(value))}</td>`).join('');
}

/** "string, one of a, b" and the like, in a few words. */
function describeSchema(schema: Node): string {
  const type = schema['type'];
  const parts = [Array.isArray(type) ? type.join(' or ') : textOf(type)];
  const allowed = listOf(schema['enum']);
  if (allowed.length > 0) parts.push(`one of ${allowed.join(', ')}`);
  for (const name of ['pattern', 'minimum', 'maximum', 'minLength', 'maxLength', 'default'])
    if (schema[name] !== undefined) parts.push(`${name} ${textOf(schema[name])}`);
  return parts.filter((part) => part !== '').join(', ');
}

function nodeOf(value: unknown): Node {
  // Narrowed to an object just before; its members stay unknown.
  return typeof value === 'object' && value !== null ? (value as Node) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
small { font-weight: normal; opacity: .6 }
section { border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent) }
dt { font-weight: bold } dd { margin: 0 0 .6rem 1rem } pre { overflow: auto }
tr:target, section:target { background: color-mix(in srgb, gold 25%, transparent) }
`;
