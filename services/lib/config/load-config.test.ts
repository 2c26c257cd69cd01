import { WeirError } from '@weir/errors';
import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  httpSettings,
  loadConfig,
  nodeSettings,
  postgresSettings,
  settingsTable,
  sharedSettings,
  telemetrySettings,
  Type,
  valkeySettings,
  type Environment,
} from './index.ts';

const schema = Type.Object({ ...valkeySettings, ...postgresSettings, ...httpSettings, ...telemetrySettings });
const valid = { WEIR_VALKEY_URL: 'redis://valkey:6379', WEIR_POSTGRES_URL: 'postgres://weir@postgres/weir' };

function faultsOf(load: () => unknown): ConfigError['faults'] {
  try {
    load();
  } catch (err) {
    if (err instanceof ConfigError) return err.faults;
    throw err;
  }
  return [];
}

describe('loadConfig', () => {
  it('converts texts and applies defaults', () => {
    const config = loadConfig(schema, { ...valid, WEIR_HTTP_PORT: ' 9000 ', WEIR_TRACE_SAMPLE_RATIO: '0.5' });
    expect(config).toEqual({
      ...valid,
      WEIR_HTTP_HOST: '0.0.0.0',
      WEIR_HTTP_PORT: 9000,
      WEIR_LOG_LEVEL: 'info',
      WEIR_TRACE_SAMPLE_RATIO: 0.5,
    });
  });

  it('is frozen', () => {
    expect(Object.isFrozen(loadConfig(schema, valid))).toBe(true);
  });

  it('reads the simple names REDIS_URL and DATABASE_URL', () => {
    const config = loadConfig(schema, { REDIS_URL: 'rediss://u:p@v/0', DATABASE_URL: 'postgresql://p/w' });
    expect(config.WEIR_VALKEY_URL).toBe('rediss://u:p@v/0');
    expect(config.WEIR_POSTGRES_URL).toBe('postgresql://p/w');
  });

  it('prefers the own name to the simple one, unless it is empty', () => {
    const both = { ...valid, REDIS_URL: 'redis://other' };
    expect(loadConfig(schema, both).WEIR_VALKEY_URL).toBe('redis://valkey:6379');
    expect(loadConfig(schema, { ...both, WEIR_VALKEY_URL: '' }).WEIR_VALKEY_URL).toBe('redis://other');
  });

  it('leaves an absent optional setting out', () => {
    const config = loadConfig(schema, { ...valid, OTEL_EXPORTER_OTLP_ENDPOINT: '' });
    expect('OTEL_EXPORTER_OTLP_ENDPOINT' in config).toBe(false);
  });

  it('takes the node name from the host unless it is set', () => {
    const nodeSchema = Type.Object(nodeSettings);
    expect(loadConfig(nodeSchema, {}).WEIR_NODE_NAME).not.toBe('');
    expect(loadConfig(nodeSchema, { WEIR_NODE_NAME: 'price-0' }).WEIR_NODE_NAME).toBe('price-0');
  });

  it('takes no node name that could pass for a part of a key, from whomever', () => {
    const nodeSchema = Type.Object(nodeSettings);
    for (const bad of ['a:b', 'a{b}', 'a b', '-a', 'a'.repeat(254)])
      expect(faultsOf(() => loadConfig(nodeSchema, { WEIR_NODE_NAME: bad }))).toHaveLength(1);
    const odd = Type.Object({ N: Type.String({ ...nodeSettings.WEIR_NODE_NAME, defaultFrom: () => 'my:host' }) });
    const [fault] = faultsOf(() => loadConfig(odd, {}));
    expect(fault?.problem).toMatch(/the host name, "my:host", is not a pod or host name/);
    expect(fault?.fix).toMatch(/^Set N to a pod or host name/);
  });

  it('reads booleans and lists', () => {
    const mixed = Type.Object({ A: Type.Boolean(), B: Type.Array(Type.Integer()), C: Type.Array(Type.String()) });
    expect(loadConfig(mixed, { A: 'TRUE', B: '1, 2', C: 'a,b ' })).toEqual({ A: true, B: [1, 2], C: ['a', 'b'] });
    expect(faultsOf(() => loadConfig(mixed, { A: 'yes', B: '1,x', C: 'a' }))).toHaveLength(2);
  });

  it('names every fault at once, each with its fix', () => {
    const env: Environment = { WEIR_HTTP_PORT: '80.5', WEIR_LOG_LEVEL: 'loud', WEIR_TRACE_SAMPLE_RATIO: '2' };
    const faults = faultsOf(() => loadConfig(schema, env));
    expect(faults.map(({ name }) => name).toSorted()).toEqual([
      'WEIR_HTTP_PORT',
      'WEIR_LOG_LEVEL',
      'WEIR_POSTGRES_URL',
      'WEIR_TRACE_SAMPLE_RATIO',
      'WEIR_VALKEY_URL',
    ]);
    for (const { name, fix } of faults) expect(fix).toContain(`Set ${name} to `);
    const error = new ConfigError(faults);
    expect(error).toBeInstanceOf(WeirError);
    expect(error.code).toBe('CONFIG_INVALID');
    for (const { name, problem, fix } of faults) expect(error.message).toContain(`\n  ${name} ${problem}. ${fix}`);
  });

  it('never prints the value of a secret', () => {
    const env = { WEIR_VALKEY_URL: 'hunter2', DATABASE_URL: 'mysql://u:hunter3@db/x' };
    const error = new ConfigError(faultsOf(() => loadConfig(schema, env)));
    expect(error.faults.map(({ name }) => name)).toEqual(['WEIR_VALKEY_URL', 'DATABASE_URL']);
    expect(JSON.stringify(error)).not.toMatch(/hunter/);
    expect(error.message).not.toMatch(/hunter/);
  });

  it('hides a password in an address that is no secret by itself', () => {
    const env = { ...valid, OTEL_EXPORTER_OTLP_ENDPOINT: 'grpc://u:hunter2@collector' };
    const [fault] = faultsOf(() => loadConfig(schema, env));
    expect(fault?.problem).toContain('//[Redacted]@collector');
    expect(fault?.problem).not.toContain('hunter2');
  });

  it.each(['WEIR_VALKEY_ULR', 'WEIR_VALKEY_UR', 'WEIR_VALKEY_URLS', 'WEIR_VALKEY_URI'])(
    'points at the slip %s',
    (slip) => {
      const [fault] = faultsOf(() => loadConfig(Type.Object(valkeySettings), { [slip]: 'redis://v', OTHER: 'x' }));
      expect(fault?.problem).toBe(`is not set (but ${slip} is)`);
    },
  );

  it('keeps blanks in secrets and drops them elsewhere', () => {
    const config = loadConfig(schema, { ...valid, WEIR_VALKEY_PASSWORD: ' p ', WEIR_VALKEY_USERNAME: ' u ' });
    expect(config.WEIR_VALKEY_PASSWORD).toBe(' p ');
    expect(config.WEIR_VALKEY_USERNAME).toBe('u');
  });
});

describe('shared settings', () => {
  it('have a description each, and a unit at the end of every name of a time', () => {
    const named = Object.values(sharedSettings).flatMap((settings) => Object.entries(settings));
    const rows = named.map(([name, setting]) =>
      settingsTable({ [name]: setting })
        .split('\n')
        .at(-1),
    );
    expect(rows.filter((row) => !/ [A-Z][^|]*\. \|$/.test(row ?? ''))).toEqual([]);
    const times = named.map(([name]) => name).filter((name) => /TIME|DEADLINE|PERIOD|DELAY/.test(name));
    expect(times.filter((name) => !name.endsWith('_MS'))).toEqual([]);
  });

  it('make a table that names alias, default and secrecy', () => {
    const rows = settingsTable({ ...valkeySettings, ...httpSettings, ...nodeSettings }).split('\n');
    expect(rows).toContainEqual(expect.stringMatching(/`WEIR_VALKEY_URL` or `REDIS_URL` .* required .* Secret\. \|$/));
    expect(rows).toContainEqual(
      expect.stringMatching(/`WEIR_HTTP_PORT` \| a whole number from 0 to 65535 \| `8080` \|/),
    );
    expect(rows).toContainEqual(
      expect.stringMatching(/`WEIR_NODE_NAME` \| a pod or host name: .* \| the host name \|/),
    );
  });
});
