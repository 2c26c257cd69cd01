import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { createKeyText } from '@weir/keys';
import { afterAll, describe, expect, it } from 'vitest';
import { cleanUp, run, temporaryFolder } from './run-standalone.ts';

const LONG_MS = 180_000;
const root = path.resolve(import.meta.dirname, '../../..');

afterAll(cleanUp);

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}
const header = (kind: string, name: string): string =>
  `apiVersion: weir.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\n`;

async function refusal(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<{ code: unknown; stderr: string }> {
  const data = path.join(temporaryFolder(), 'data');
  const standalone = run(['--data', data, '--http-port', '0', ...args], env === undefined ? {} : { env });
  const code = await standalone.ended;
  return { code, stderr: standalone.stderr() };
}

describe('what standalone mode refuses', { timeout: LONG_MS }, () => {
  it('is wrong YAML: every fault of every file, with line and fix', async () => {
    const resources = folderOf({
      'a.yaml': `${header('PriceFeed', 'a')}spec:\n  assets: [BTC]\n  sources:\n    - { name: kraken, exchange: krakn }\n`,
      'b.yml': `${header('ApiKeyPolicy', 'b')}spec:\n  tier: pro\n  limits: { burst: 5 }\n  budget: { daily: 5.00 }\n`,
      'ignored.txt': 'no YAML',
    });
    const { code, stderr } = await refusal(['--resources', resources]);
    expect(code).toBe(1);
    const shown = path.relative(root, resources);
    expect(stderr).toContain(`${shown}/a.yaml:7 spec.sources[0].exchange is "krakn"`);
    expect(stderr).toContain('Fix: write kraken.');
    expect(stderr).toContain(`${shown}/b.yml:6 spec.limits.burst has no meaning alone`);
    expect(stderr).toContain(`${shown}/b.yml:7 spec.budget.daily is the number 5`);
  });

  it('is an unknown option', async () => {
    const { code, stderr } = await refusal(['--prot', '1']);
    expect(stderr).toMatch(/Unknown option '--prot'[^]*--help/);
    expect(code).toBe(2);
  });

  it.each(['--valkey-port', '--postgres-port'])('is a port of %s that is taken', async (option) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, stderr } = await refusal([option, String(port)]);
    taken.close();
    expect(stderr).toContain(`choose another port with ${option}`);
    expect(code).toBe(1);
  });

  it('is a key file whose text is damaged, and it leaves the file as it was', async () => {
    const data = path.join(temporaryFolder(), 'data');
    const file = path.join(data, 'secrets/default/demo-weir-key');
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, createKeyText('test').slice(0, -1));
    const { code, stderr } = await refusal(['--data', data]);
    expect(stderr).toContain(`${file} holds no valid key. Put the whole text back, or delete the file`);
    expect(code).toBe(1);
  });

  // Skipped where a server lies in the repository's own cache, which this test cannot take away.
  it.skipIf(existsSync(path.join(root, 'node_modules/.cache/weir')))(
    'is a machine without a server program',
    async () => {
      const empty = temporaryFolder();
      const { code, stderr } = await refusal([], { PATH: empty, HOME: empty, XDG_CACHE_HOME: empty });
      expect(stderr).toMatch(/no Valkey server: install valkey-server.*pip.*npm ci/);
      expect(code).toBe(1);
    },
  );
});
