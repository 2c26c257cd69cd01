/** What the charts hold of the rest of the repository: the CRDs, the ACL lines of docs/valkey.md, the templates they share. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { generatedBy, type GeneratedFile } from './generated-file.ts';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

const UMBRELLA = 'charts/weir';
const SUBCHARTS = ['weir-crds', 'weir-operator', 'weir-services', 'valkey'].map((name) => `${UMBRELLA}/charts/${name}`);

/** Helm reads no file outside a chart, so each chart has the shared templates; all copies define the same names. */
function sharedTemplates(): readonly GeneratedFile[] {
  const source = 'charts/shared/_weir.tpl';
  const text = `{{/* ${generatedBy('hack/generate-charts.ts', source)} */}}\n${read(source)}`;
  return [UMBRELLA, ...SUBCHARTS].map((chart) => ({ path: `${chart}/templates/_weir.tpl`, text }));
}

/** The definition with the chart's labels, and the annotation that keeps it, and with it all resources, at uninstall. */
export function crdTemplate(file: string, definition: string): string {
  const metadata = /^metadata:\n {2}name: \S+\n(?! )/m;
  if (!metadata.test(definition)) throw new Error(`${file}: metadata must hold a name and nothing else`);
  if (definition.includes('{{')) throw new Error(`${file}: Helm would take "{{" for a template`);
  const body = definition.replace(
    metadata,
    (found) => `${found}  labels: {{- include "weir.labels" (dict "root" . "component" "crds") | nindent 4 }}
  {{- if .Values.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
`,
  );
  return `{{/* ${generatedBy('hack/generate-charts.ts', file)} */}}\n${body}`;
}

function crdTemplates(): readonly GeneratedFile[] {
  return readdirSync(path.join(root, 'crds'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => ({
      path: `${UMBRELLA}/charts/weir-crds/templates/${name}`,
      text: crdTemplate(`crds/${name}`, read(`crds/${name}`)),
      hasOwnLayout: true,
    }));
}

/** A user a line: its name, then its rights. The chart puts the password between them. */
export function aclLines(page: string): string {
  const block = /```acl\n(.*?)```/s.exec(page)?.[1];
  if (block === undefined) throw new Error('docs/valkey.md holds no block of ACL users');
  return block;
}

export function generateCharts(): readonly GeneratedFile[] {
  const acl = {
    path: `${UMBRELLA}/charts/valkey/files/users.txt`,
    text: `# ${generatedBy('hack/generate-charts.ts', 'docs/valkey.md')}\n${aclLines(read('docs/valkey.md'))}`,
  };
  return [...sharedTemplates(), ...crdTemplates(), acl];
}
