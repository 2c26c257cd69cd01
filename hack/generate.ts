/** Writes every generated file; with --check writes nothing and fails when one differs from its source. */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generateLock } from './complete-lock.ts';
import { generateCharts } from './generate-charts.ts';
import { generateCrds } from './generate-crds.ts';
import { generateKeyspace } from './generate-keyspace.ts';
import type { GeneratedFile, Generator } from './generated-file.ts';

const root = path.resolve(import.meta.dirname, '..');

/** One line adds one. */
const generators: readonly Generator[] = [generateKeyspace, generateCrds, generateCharts, generateLock];

/** Source code is generated as the formatter would write it, or the format check would object to it. */
function formatted(file: GeneratedFile): GeneratedFile {
  if (file.hasOwnLayout === true || !/\.(?:ts|ya?ml|json)$/.test(file.path)) return file;
  const oxfmt = path.join(root, 'node_modules/.bin/oxfmt');
  const text = execFileSync(oxfmt, [`--stdin-filepath=${file.path}`], {
    cwd: root,
    input: file.text,
    encoding: 'utf8',
  });
  return { ...file, text };
}

/** The files that are missing under the folder or hold another text. */
export async function findDrift(files: readonly GeneratedFile[], folder: string): Promise<readonly string[]> {
  const differs = async ({ path: name, text }: GeneratedFile): Promise<boolean> => {
    const current = await readFile(path.join(folder, name), 'utf8').catch(() => undefined);
    return current !== text;
  };
  const drifted = await Promise.all(files.map(async (file) => ((await differs(file)) ? [file.path] : [])));
  return drifted.flat();
}

export async function writeGenerated(files: readonly GeneratedFile[], folder: string): Promise<void> {
  for (const { path: name, text } of files) {
    const target = path.join(folder, name);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
  }
}

async function main(checkOnly: boolean): Promise<number> {
  const files: GeneratedFile[] = [];
  for (const generate of generators) files.push(...(await generate()).map(formatted));
  const drifted = await findDrift(files, root);
  if (!checkOnly) {
    await writeGenerated(files, root);
    console.log(
      `${files.length} generated files, ${drifted.length} changed${drifted.map((name) => `\n  ${name}`).join('')}`,
    );
    return 0;
  }
  for (const name of drifted) console.error(`${name} is not what its generator makes: run \`npm run generate\``);
  return drifted.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.includes('--check'));
