import { Type, loadConfig } from '@weir/config';
import { describe, expect, it } from 'vitest';
import { processSettings, runProcess, type ProcessConfig } from './index.ts';

class Exit extends Error {
  readonly status: unknown;
  constructor(status: unknown) {
    super();
    this.status = status;
  }
}

/** Runs up to where the process would end or start. */
async function run(env: Record<string, string>, args: readonly string[] = []) {
  const seen = { stdout: '', stderr: '', status: undefined as unknown, hasStarted: false };
  const target = {
    argv: ['node', 'main.ts', ...args],
    env,
    stdout: { write: (text: string) => (seen.stdout += text) },
    stderr: { write: (text: string) => (seen.stderr += text) },
    exit(status: unknown) {
      throw new Exit(status);
    },
    on: () => undefined,
  };
  const options = {
    service: 'example',
    version: '1',
    summary: 'An example.',
    settings: 'WEIR_EXAMPLE  what it is',
    readConfig: (from: Readonly<Record<string, string | undefined>>): ProcessConfig =>
      loadConfig(Type.Object(processSettings), from),
    start: () => {
      seen.hasStarted = true;
      return Promise.resolve();
    },
  };
  try {
    // The parts of a process that are used before it starts.
    await runProcess(options, target as unknown as NodeJS.Process);
  } catch (err) {
    if (!(err instanceof Exit)) throw err;
    seen.status = err.status;
  }
  return seen;
}

describe('runProcess', () => {
  it('lists the settings for --help and starts nothing', async () => {
    const { stdout, status, hasStarted } = await run({}, ['--help']);
    expect(stdout).toContain('example: An example.');
    expect(stdout).toContain('WEIR_EXAMPLE  what it is');
    expect({ status, hasStarted }).toEqual({ status: undefined, hasStarted: false });
  });

  it('names all wrong settings and exits with status 2', async () => {
    const { stderr, status, hasStarted } = await run({ WEIR_HTTP_PORT: 'http', WEIR_NODE_NAME: 'a:b' });
    for (const name of ['WEIR_VALKEY_URL', 'WEIR_HTTP_PORT', 'WEIR_NODE_NAME']) expect(stderr).toContain(name);
    expect({ status, hasStarted }).toEqual({ status: 2, hasStarted: false });
  });

  it('treats settings that contradict one another, and a file that is not there, as wrong settings', async () => {
    const clear = await run({ WEIR_VALKEY_URL: 'redis://v', WEIR_VALKEY_TLS_SERVERNAME: 'v.svc' });
    expect(clear).toMatchObject({ status: 2, stderr: expect.stringContaining('use rediss://') });
    const absent = await run({ WEIR_VALKEY_URL: 'rediss://v', WEIR_VALKEY_TLS_CA_FILE: '/weir/is/not/there.crt' });
    expect(absent).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('WEIR_VALKEY_TLS_CA_FILE names a file'),
    });
  });
});
