/** The operator as a process of its own, told where everything is. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '@weir/testing';

const MAIN = path.join(import.meta.dirname, '../src/main.ts');

async function writeKubeConfig(server: string): Promise<string> {
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'weir-operator-')), 'config');
  const config = {
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'not-to-be-seen' } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

export interface OperatorProcess extends Disposable {
  /** Of the JSON log. */
  readonly lines: readonly string[];
  /** Status and signal. */
  readonly exited: Promise<readonly unknown[]>;
  ask(route: string): Promise<{ readonly status: number; readonly body: string }>;
  stop(): void;
}

/** `server`: address of the API server. */
export async function startOperatorProcess(
  server: string,
  more: Readonly<Record<string, string>> = {},
): Promise<OperatorProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      WEIR_NODE_NAME: 'operator-0',
      WEIR_OPERATOR_NAMESPACE: 'weir',
      WEIR_FEED_IMAGE: 'weir:1',
      WEIR_HTTP_HOST: '127.0.0.1',
      WEIR_HTTP_PORT: '0',
      WEIR_VALKEY_URL: 'redis://127.0.0.1:1',
      WEIR_POSTGRES_URL: 'postgres://weir@127.0.0.1:1/weir',
      KUBECONFIG: await writeKubeConfig(server),
      ...more,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const listening = await waitFor(() => lines.find((line) => line.includes('"listening"')), 20_000);
  const url = /"url":"([^"]+)"/.exec(listening)?.[1] ?? '';
  return {
    exited,
    lines,
    async ask(route) {
      const response = await fetch(`${url}${route}`);
      return { status: response.status, body: await response.text() };
    },
    stop: () => void child.kill('SIGTERM'),
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}
