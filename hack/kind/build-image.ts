/** Builds the image and names it for what is in it: only an image that has changed rolls pods. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Engine } from './find-tools.ts';
import { imageHash } from './load-images.ts';
import { runCommand } from './run-command.ts';

const BUILT = 'localhost/weir:built';
/** Says of itself when it was made, and nothing of what runs. */
const BILL_OF_MATERIALS = 'sbom.cdx.json';

/** Of names and contents. The image's own id would not do: it holds the commit that it was built from. */
export function hashFolder(folder: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).toSorted()) {
    if (name !== BILL_OF_MATERIALS) hash.update(`${name}\0`).update(readFileSync(path.join(folder, name)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** Answers the image's name. */
export async function buildImage(root: string, engine: Engine): Promise<string> {
  const { NODE_BASE_IMAGE: base = '' } = process.env;
  const args = [path.join(root, 'hack/build-images.ts'), '--tag', BUILT, '--engine', engine];
  await runCommand(process.execPath, args, { cwd: root });
  const onBase = base === '' ? '' : `-${(await imageHash(engine, base)) ?? ''}`;
  const image = `localhost/weir:${hashFolder(path.join(root, 'dist/image'))}${onBase}`;
  await runCommand(engine, ['tag', BUILT, image]);
  return image;
}
