/** The node from inside: the processes of a pod, and the signals that only somebody on its machine can send. */
import { inject } from 'vitest';
import { runCommand } from '../../hack/kind/run-command.ts';

type Signal = 'STOP' | 'CONT' | 'KILL';

async function onNode(script: string): Promise<string> {
  const { engine, node } = inject('cluster');
  return runCommand(engine, ['exec', node, 'sh', '-c', script], { timeoutMs: 30_000 });
}

/** Process ids on the node of what a pod runs, without the pause container. */
async function processesOf(podUid: string): Promise<readonly string[]> {
  // A cgroup spells the uid with dashes or, under systemd, with underscores.
  const pattern = podUid.replaceAll('-', '[-_]');
  const ids = (await onNode(`grep -l '${pattern}' /proc/[0-9]*/cgroup 2>/dev/null || true`)).matchAll(
    /\/proc\/(\d+)\//g,
  );
  const found = [...ids].map((match) => match[1] ?? '');
  if (found.length === 0) return [];
  const names = await onNode(`for id in ${found.join(' ')}; do echo "$id $(cat /proc/$id/comm 2>/dev/null)"; done`);
  return names
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [id = '', name = ''] = line.split(' ');
      return name === '' || name === 'pause' ? [] : [id];
    });
}

/** To everything a pod runs. Throws when it runs nothing. */
export async function signalPod(podUid: string, signal: Signal): Promise<void> {
  const ids = await processesOf(podUid);
  if (ids.length === 0) throw new Error(`the node runs nothing of pod ${podUid}`);
  await onNode(`kill -${signal} ${ids.join(' ')}`);
}

/** Ends the API server as a crash does; the kubelet starts it again. */
export async function killApiServer(): Promise<void> {
  await onNode(
    'for dir in /proc/[0-9]*; do [ "$(cat $dir/comm 2>/dev/null)" = kube-apiserver ] && kill -KILL ${dir#/proc/}; done; true',
  );
}
