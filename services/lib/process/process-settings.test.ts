import { ConfigError, Type, loadConfig } from '@weir/config';
import { describe, expect, it } from 'vitest';
import { processSettings, valkeyTargetOf } from './index.ts';

const schema = Type.Object(processSettings);
const targetOf = (env: Record<string, string>, readFile: (path: string) => string = () => 'PEM') =>
  valkeyTargetOf(loadConfig(schema, env), readFile);

function faultsOf(run: () => unknown): ConfigError['faults'] {
  try {
    run();
  } catch (err) {
    if (err instanceof ConfigError) return err.faults;
    throw err;
  }
  return [];
}

describe('valkeyTargetOf', () => {
  it('adds to the address what the other settings say, which go before it', () => {
    const env = { WEIR_VALKEY_URL: 'redis://old:secret@valkey:6380/2', WEIR_VALKEY_USERNAME: 'price' };
    expect(targetOf(env)).toEqual({
      kind: 'standalone',
      host: 'valkey',
      port: 6380,
      database: 2,
      username: 'price',
      password: 'secret',
    });
    expect(targetOf({ ...env, WEIR_VALKEY_PASSWORD: 'new' })).toMatchObject({ username: 'price', password: 'new' });
  });

  it('reads the authority and the name for an address with TLS', () => {
    const env = { WEIR_VALKEY_URL: 'rediss://valkey', WEIR_VALKEY_TLS_CA_FILE: '/ca.crt' };
    expect(targetOf(env, (path) => `PEM of ${path}`).tls).toEqual({ ca: 'PEM of /ca.crt' });
    expect(targetOf({ ...env, WEIR_VALKEY_TLS_SERVERNAME: 'v.svc' }).tls).toEqual({ ca: 'PEM', servername: 'v.svc' });
    expect(targetOf({ WEIR_VALKEY_URL: 'rediss://valkey' }).tls).toEqual({});
  });

  it('refuses settings of TLS beside an address without it, each by name', () => {
    const env = {
      WEIR_VALKEY_URL: 'redis://:secret@valkey',
      WEIR_VALKEY_TLS_CA_FILE: '/ca.crt',
      WEIR_VALKEY_TLS_SERVERNAME: 'v.svc',
    };
    const faults = faultsOf(() => targetOf(env));
    expect(faults.map(({ name }) => name)).toEqual(['WEIR_VALKEY_TLS_CA_FILE', 'WEIR_VALKEY_TLS_SERVERNAME']);
    expect(faults[0]?.fix).toContain('use rediss://');
    expect(JSON.stringify(faults)).not.toContain('secret');
  });

  it('says which setting names a file that cannot be read', () => {
    const env = { WEIR_VALKEY_URL: 'rediss://valkey', WEIR_VALKEY_TLS_CA_FILE: '/none.crt' };
    const faults = faultsOf(() =>
      targetOf(env, () => {
        throw new Error("ENOENT: no such file or directory, open '/none.crt'");
      }),
    );
    expect(faults).toEqual([
      expect.objectContaining({
        name: 'WEIR_VALKEY_TLS_CA_FILE',
        problem: expect.stringContaining("open '/none.crt'"),
      }),
    ]);
  });

  it('refuses an address that is none', () => {
    expect(() => targetOf({ WEIR_VALKEY_URL: 'redis://valkey/x' })).toThrow('names no valid database');
  });
});
