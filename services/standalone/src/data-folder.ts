/** The folder that outlives a run: Postgres' files, and the texts of keys, each a file that stands for its Secret. */
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WeirError } from '@weir/errors';

export interface DataFolder {
  readonly path: string;
  readonly postgres: string;
  /** File that stands for a Secret. */
  secretFile(namespace: string, name: string): string;
  /** Lets another process have the folder. */
  release(): Promise<void>;
}

const OWNER_ONLY = { folder: 0o700, file: 0o600 };
const OTHERS_MAY_ENTER = 0o011;

/** Creates the folder when it is missing and claims it. Throws CONFIG_INVALID when a living process has it. */
export async function openDataFolder(folder: string): Promise<DataFolder> {
  const claim = path.join(folder, 'standalone.pid');
  try {
    await makeFolder(folder);
    // Under root Postgres is another user, who must get through to its own files; secrets lie in a closed folder.
    if (process.geteuid?.() === 0) await chmod(folder, (await stat(folder)).mode | OTHERS_MAY_ENTER);
    await claimFolder(folder, claim);
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    const detail = `The data folder ${folder} cannot be written. Name another one with --data <folder>.`;
    throw new WeirError('CONFIG_INVALID', { detail, cause });
  }
  return {
    path: folder,
    postgres: path.join(folder, 'postgres'),
    secretFile: (namespace, name) => path.join(folder, 'secrets', namespace, name),
    release: () => rm(claim, { force: true }),
  };
}

/** Node's own recursive way never ends where the system denies a folder that can be listed, as /proc does. */
async function makeFolder(folder: string): Promise<void> {
  const make = (): Promise<void> =>
    mkdir(folder).catch((err: unknown) => {
      if (codeOf(err) !== 'EEXIST') throw err;
    });
  try {
    await make();
  } catch (err) {
    if (codeOf(err) !== 'ENOENT' || path.dirname(folder) === folder) throw err;
    await makeFolder(path.dirname(folder));
    await make();
  }
}

function codeOf(err: unknown): unknown {
  return err instanceof Error && 'code' in err ? err.code : undefined;
}

/** The claim reads "<pid> <start>": an id alone may be another process's by now, after a kill or a reboot. */
async function claimFolder(folder: string, claim: string): Promise<void> {
  const [holder = 0, start] = ((await readText(claim)) ?? '').split(' ').map(Number);
  if (Number.isInteger(holder) && holder > 0 && holder !== process.pid && (await isHolder(holder, start))) {
    const detail =
      `The data folder ${folder} is in use by process ${holder}. ` +
      'Stop that process, or name another folder with --data <folder>. ' +
      `If process ${holder} is not Weir, delete ${claim}.`;
    throw new WeirError('CONFIG_INVALID', { detail });
  }
  const own = [process.pid, await startOf(process.pid)].filter((part) => part !== undefined);
  await writeFile(claim, `${own.join(' ')}\n`, { mode: OWNER_ONLY.file });
}

/** Where starts cannot be compared, whoever lives under the id is taken for the holder. */
async function isHolder(pid: number, start: number | undefined): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const now = await startOf(pid);
  return now === undefined || start === undefined || now === start;
}

/** When a process started, in the kernel's ticks since boot; `undefined` on systems without /proc. */
async function startOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name, in brackets, may hold blanks and brackets. The start is the 20th field after it.
  const start = Number(text?.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  return Number.isInteger(start) ? start : undefined;
}

/** `undefined` when there is no such file. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (err) {
    if (codeOf(err) === 'ENOENT') return undefined;
    throw err;
  }
}

/** Readable by its owner alone; never overwrites. */
export async function writeSecret(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: OWNER_ONLY.folder });
  await writeFile(file, `${text}\n`, { mode: OWNER_ONLY.file, flag: 'wx' });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    // A process of another user is alive too.
    return codeOf(err) === 'EPERM';
  }
}
