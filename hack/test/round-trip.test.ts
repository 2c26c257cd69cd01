/** What `helm test` runs: it ends with 0 only after a refusal and a price, and otherwise says what to do. */
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';

const script = path.resolve(import.meta.dirname, '../../charts/weir/files/round-trip.mjs');
let server: Server | undefined;

afterEach(() => {
  server?.close();
  server = undefined;
});

type Answer = readonly [status: number, body: string];

/** A price server that answers so without and with a key. */
async function serve(anonymous: Answer, known: Answer): Promise<string> {
  const created = createServer((request, response) => {
    const [status, body] = request.headers.authorization === 'Bearer secret-key' ? known : anonymous;
    response.writeHead(status, { connection: 'close' }).end(body);
  });
  server = created;
  await new Promise<void>((resolve) => created.listen(0, '127.0.0.1', resolve));
  // A listening TCP server has a port.
  return `http://127.0.0.1:${(created.address() as AddressInfo).port}`;
}

function run(url: string, key?: string): Promise<{ status: number; output: string }> {
  const env = {
    WEIR_URL: url,
    WEIR_ASSET: 'BTC',
    WEIR_KEY_SECRET: 'demo',
    ...(key !== undefined && { WEIR_KEY: key }),
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [script], { env }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : 1, output: `${stdout}${stderr}` });
    });
  });
}

const refused: Answer = [401, '{"code":"KEY_MISSING"}'];
const priced: Answer = [200, '{"price":84737.58}'];

it('passes after a refusal and a price', async () => {
  const { status, output } = await run(await serve(refused, priced), 'secret-key');
  expect(status, output).toBe(0);
  expect(output).toBe('ok: without a key 401\nok: with a key 200, BTC 84737.58\n');
});

it.each([
  [
    'who serves without a key',
    priced,
    priced,
    'secret-key',
    /without a key .* answered 200, and not 401[^]*FIX: look at/,
  ],
  ['a key that is refused', refused, refused, 'secret-key', /with the key of demo .* answered 401[^]*FIX: wait until/],
  ['a Secret that is not there', refused, priced, undefined, /no Secret demo [^]*FIX: apply a PriceFeed/],
  ['an answer without a price', refused, [200, '{}'] as const, 'secret-key', /holds no price/],
])('fails for %s, and says what to do', async (_, anonymous, known, key, words) => {
  const { status, output } = await run(await serve(anonymous, known), key);
  expect(status).toBe(1);
  expect(output).toMatch(words);
  expect(output).not.toContain('secret-key');
});

it('fails for a server that is not there, and says what to do', async () => {
  const url = await serve(refused, priced);
  await new Promise((resolve) => server?.close(resolve));
  const { status, output } = await run(url, 'secret-key');
  expect(status).toBe(1);
  expect(output).toMatch(/does not answer \(ECONNREFUSED\)\n {3}FIX: wait until the pods of price are ready/);
});
