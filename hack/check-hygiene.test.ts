import { describe, expect, it } from 'vitest';
import { checkText, hygieneRules } from './check-hygiene.ts';

/** The faults are put together here, so that this file has none. */
const join = (...parts: readonly string[]): string => parts.join('');
const repeated = 'aB3'.repeat(20);

const planted: readonly (readonly [string, string, string])[] = [
  ['registry-host', 'package-lock.json', join('"resolved": "https://', 'registry.example.com/x/-/x-1.tgz"')],
  ['registry-host', 'README.md', join('from registry.', 'npmjs', '.org')],
  ['registry-host', 'hack/install.ts', join("'https://files.python", "hosted.org/x'")],
  ['machine-path', 'docs/a.md', join('see /', 'work/main/docs')],
  ['machine-path', 'hack/a.ts', join("'/", "root/.cache'")],
  ['machine-path', 'hack/a.ts', join("'file:///", "home/someone/x'")],
  ['private-key', 'test.pem', join('-----BEGIN ', 'PRIVATE KEY-----')],
  ['private-key', 'test.pem', join('-----BEGIN RSA ', 'PRIVATE KEY-----')],
  ['credential', 'a.yaml', join('token: gh', 'p_', repeated.slice(0, 36))],
  ['credential', 'a.yaml', join('key: AKI', 'A', 'ABCDEFGH12345678')],
  ['credential', 'a.yaml', join('stripe: sk_', 'live_', repeated.slice(0, 24))],
  ['wall-clock', 'services/feed/src/a.ts', join('const now = new ', 'Date();')],
  ['wall-clock', 'crds/src/a.ts', join('Temporal', '.Now.instant()')],
  ['spelled-key', 'services/price/src/a.ts', "valkey.get('price:BTC')"],
  ['spelled-key', 'services/price/src/a.ts', 'const key = `cluster:stats:${node}`;'],
  ['spelled-key', 'services/price/src/a.ts', 'const key = `ratelimit:{${id}}`;'],
  ['spelled-key', 'services/feed/src/a.ts', 'publish("feeds:updates", text)'],
  ['unexplained-suppression', 'services/feed/src/a.ts', join('// oxlint', '-disable-next-line no-console')],
];

const allowed: readonly (readonly [string, string])[] = [
  ['.npmrc', 'omit-lockfile-registry-resolved=true'],
  ['docs/a.md', 'services/work/a.ts and https://example.com/home/page and ./root/x'],
  ['charts/values.yaml', 'image: registry.k8s.io/pause'],
  ['services/lib/clock/index.ts', join('new ', 'Date()')],
  ['services/feed/src/a.test.ts', join('new ', 'Date()')],
  ['services/feed/src/a.ts', 'new Date(ms)'],
  ['services/feed/src/a.ts', '/** Publishes on `price:updates`. */'],
  ['services/feed/src/a.ts', "keyspace.price.key({ pair: 'BTC' })"],
  ['services/feed/test/a.test.ts', "valkey.get('price:BTC')"],
  ['services/lib/keyspace/price-keys.ts', "defineFamily('key', 'price:<pair>', {"],
  [
    'services/feed/src/a.ts',
    join('// oxlint', '-disable-next-line no-console -- the only line before a logger exists'),
  ],
];

describe('checkText', () => {
  it.each(planted)('%s: refuses a fault in %s', (rule, file, line) => {
    expect(checkText(file, `fine\n${line}\nfine`)).toEqual([expect.objectContaining({ rule, file, line: 2 })]);
  });

  it.each(allowed)('allows in %s: %s', (file, line) => {
    expect(checkText(file, line)).toEqual([]);
  });

  it('has a planted fault for every rule', () => {
    expect(new Set(planted.map(([rule]) => rule))).toEqual(new Set(hygieneRules.map(({ name }) => name)));
  });
});
