/** Brings images into the node: those the engine of this machine has; the node pulls the others by itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Engine } from './find-tools.ts';
import { runCommand, tryCommand } from './run-command.ts';

/** Short hash of what is in an image; `undefined` when the engine does not have it. */
export async function imageHash(engine: Engine, image: string): Promise<string | undefined> {
  const { status, stdout } = await tryCommand(engine, ['image', 'inspect', '--format', '{{.Id}}', image]);
  return status === 0
    ? stdout
        .trim()
        .replace(/^sha256:/, '')
        .slice(0, 12)
    : undefined;
}

/** One that the node has already costs nothing. */
export async function loadImage(engine: Engine, cluster: string, image: string): Promise<void> {
  if ((await imageHash(engine, image)) === undefined) return;
  if (engine === 'docker') {
    await runCommand('kind', ['load', 'docker-image', '--name', cluster, image]);
    return;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-image-'));
  try {
    const archive = path.join(folder, 'image.tar');
    await runCommand(engine, ['save', '--output', archive, image]);
    await runCommand('kind', ['load', 'image-archive', '--name', cluster, archive]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
