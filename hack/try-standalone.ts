/** Starts Weir as a new user does, runs the printed curl line as it stands, expects a price, stops it with Ctrl-C. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;

/** Resolves with the first printed line that starts with "curl "; rejects when the process ends or the limit passes. */
function printedCurlLine(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const limit = setTimeout(() => reject(new Error(`no curl line within ${START_LIMIT_MS} ms`)), START_LIMIT_MS);
  child.once('exit', (code) => reject(new Error(`npm start ended with status ${code} before it printed a curl line`)));
  if (child.stdout === null) throw new Error('npm start has no standard output to read');
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(`  | ${line}`);
    if (line.trimStart().startsWith('curl ')) resolve(line.trim());
  });
  return promise.finally(() => clearTimeout(limit));
}

/** Every process below the given one, with its command line: the servers run in process groups of their own. */
function descendantsOf(rootId: number): Map<number, string> {
  const found = new Map<number, string>();
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row))
    .filter((row) => row !== null)
    .map(([, id, parent, command]) => ({ id: Number(id), parent: Number(parent), command: command ?? '' }));
  const pending = [rootId];
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    for (const row of rows.filter((candidate) => candidate.parent === parent)) {
      found.set(row.id, row.command);
      pending.push(row.id);
    }
  }
  return found;
}

/** Whether the process still exists. */
function exists(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

const startedAt = Date.now();
const child = spawn('npm', ['start'], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
const groupId = child.pid;
if (groupId === undefined) throw new Error('npm could not be started: is it on PATH?');
try {
  const line = await printedCurlLine(child);
  console.log(`ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s; running the printed line`);
  const answer = execFileSync('sh', ['-c', line], { encoding: 'utf8', timeout: 10_000 });
  console.log(`  > ${answer.trim()}`);
  const body = JSON.parse(answer.slice(answer.indexOf('{'))) as { price?: unknown; status?: unknown };
  if (typeof body.price !== 'number' || body.status !== 'fresh') throw new Error('the answer holds no fresh price');
  const started = descendantsOf(groupId);
  const ended = once(child, 'exit');
  process.kill(-groupId, 'SIGINT');
  await Promise.race([
    ended,
    new Promise((_, reject) => setTimeout(() => reject(new Error('Ctrl-C did not stop it in time')), STOP_LIMIT_MS)),
  ]);
  const left = [...started].filter(([id]) => exists(id)).map(([id, command]) => `${id} ${command}`);
  if (left.length > 0) throw new Error(`Ctrl-C left processes:\n${left.join('\n')}`);
  console.log(`stopped by Ctrl-C, all ${started.size} processes are gone`);
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  try {
    process.kill(-groupId, 'SIGKILL');
  } catch {
    // The group is gone already.
  }
  process.exit(1);
}
