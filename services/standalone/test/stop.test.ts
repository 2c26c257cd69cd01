import { readFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '@weir/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { cleanUp, isAlive, run, temporaryFolder, type Run, type RunOptions } from './run-standalone.ts';

/** Starting takes seconds even on an idle machine. */
const LONG_MS = 180_000;

afterAll(cleanUp);

const data = path.join(temporaryFolder(), 'data');

/** Up and running, with the processes it consists of. */
async function started(options?: RunOptions): Promise<{ standalone: Run; processes: readonly number[]; line: string }> {
  const standalone = run(['--data', data, '--http-port', '0'], options);
  const line = await standalone.curlLine();
  const processes = [standalone.pid, ...standalone.descendants()];
  // Itself, two guardians, Valkey, and Postgres with its workers.
  expect(processes.length).toBeGreaterThanOrEqual(5);
  return { standalone, processes, line };
}

const allGone = (processes: readonly number[]) => waitFor(() => !processes.some(isAlive), 30_000);

describe('the end of standalone mode', () => {
  it('by Ctrl-C under npm is in order and leaves no process', { timeout: LONG_MS }, async () => {
    const { standalone, processes } = await started({ under: 'npm' });
    // As a terminal does, to npm and to what it runs; and again, as npm does where its shell hands the process over.
    standalone.signal('SIGINT', 'group');
    standalone.signal('SIGINT', 'group');
    await standalone.ended;
    expect(standalone.stdout()).toContain('Stopping; once more to leave at once.');
    expect(standalone.stdout()).toContain('Stopped.');
    expect(standalone.stderr()).not.toContain('"level":"error"');
    await allGone(processes);
  });

  it('by SIGKILL leaves no process either, and the next start still has the key', { timeout: LONG_MS }, async () => {
    const keyOf = (line: string): string | undefined => /Bearer ([^"]+)"/.exec(line)?.[1];
    const { standalone, processes, line } = await started();
    expect(keyOf(line)).toBe(readFileSync(path.join(data, 'secrets/default/demo-weir-key'), 'utf8').trim());
    standalone.signal('SIGKILL');
    expect(await standalone.ended).toBe('SIGKILL');
    await allGone(processes);

    const again = await started();
    expect(keyOf(again.line)).toBe(keyOf(line));
    // The guardians are held still, so the stop in order cannot get on.
    const held = again.standalone.children();
    for (const pid of held) process.kill(pid, 'SIGSTOP');
    again.standalone.signal('SIGINT');
    await waitFor(() => again.standalone.stdout().includes('Stopping'));
    let ended: unknown;
    void again.standalone.ended.then((code) => (ended = code));
    // Repeated, since one that follows at once counts as the same keypress.
    await waitFor(() => {
      if (ended === undefined) again.standalone.signal('SIGINT');
      return ended !== undefined;
    });
    expect(ended).toBe(130);
    expect(again.standalone.stdout()).not.toContain('Stopped.');
    for (const pid of held) process.kill(pid, 'SIGCONT');
    await allGone(again.processes);
  });

  it('by Ctrl-C in the middle of the start leaves no process', { timeout: LONG_MS }, async () => {
    const standalone = run(['--data', path.join(temporaryFolder(), 'data'), '--http-port', '0']);
    await waitFor(() => standalone.stdout().includes('starting'), 60_000);
    const processes = await waitFor(() => {
      const found = standalone.descendants();
      return found.length >= 2 && found;
    }, 60_000);
    standalone.signal('SIGINT');
    await standalone.ended;
    expect(standalone.stdout()).not.toContain('curl');
    await allGone([standalone.pid, ...processes]);
  });
});
