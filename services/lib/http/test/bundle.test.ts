/** One ESM file without node_modules does all that the sources do: nothing here may need a require hook or a file beside it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@weir/testing';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
let child: ChildProcess;
let output = '';
let url: string;
const collected: string[] = [];
const collector = createServer((request, response) => {
  collected.push(request.url ?? '');
  response.end('{}');
});

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-bundle-'));
  const file = path.join(folder, 'process.mjs');
  const build = await rolldown({ input: path.join(import.meta.dirname, 'bundled-process.ts'), platform: 'node' });
  await build.write({ file, format: 'esm', codeSplitting: false });
  await build.close();
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const address = collector.address();
  const endpoint = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const started = spawn(process.execPath, [file, endpoint], { cwd: folder });
  child = started;
  for (const stream of [started.stdout, started.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()));
  url = await waitFor(() => /"url":"([^"]+)"/.exec(output)?.[1], 30_000);
});

afterAll(async () => {
  child.kill('SIGKILL');
  collector.close();
  collector.closeAllConnections();
  await rm(folder, { recursive: true });
});

describe('a bundled process', () => {
  it('serves, validates, measures and documents', async () => {
    expect(await (await fetch(`${url}/price?asset=BTC`)).json()).toEqual({ price: 1 });
    expect(await (await fetch(`${url}/price`)).json()).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('process_uptime');
    expect(await (await fetch(`${url}/openapi.json`)).json()).toMatchObject({ paths: { '/price': {} } });
    expect(await (await fetch(`${url}/docs`)).text()).toContain('GET /price');
  });

  it('sends its metrics and spans and leaves with 0 on SIGTERM', async () => {
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    expect(await closed).toEqual([0, null]);
    expect(collected).toEqual(expect.arrayContaining(['/v1/metrics', '/v1/traces']));
    expect(output).not.toMatch(/"level":"(warn|error|fatal)"/);
  });
});
