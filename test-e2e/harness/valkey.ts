/** Looks into Valkey as the operator's user, by the valkey-cli of its own pod. */
import { get, tryKubectl, type KubeObject } from './kubectl.ts';
import { release } from './cluster.ts';

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** Text of one key of a Secret. */
export async function secretText(name: string, key: string, within?: string): Promise<string> {
  const { data } = await get<Secret>('secret', name, within);
  const value = data?.[key];
  if (value === undefined) throw new Error(`the Secret ${name} has no ${key}`);
  return Buffer.from(value, 'base64').toString('utf8');
}

let password: Promise<string> | undefined;

/** What valkey-cli prints, without the line end; nothing stands for nil. Throws on an error reply. */
export async function valkey(...command: readonly string[]): Promise<string> {
  password ??= secretText(`${release}-valkey-users`, 'operator');
  // By standard input: arguments are shown in lists of processes and in what failed.
  const lines = [['AUTH', 'operator', await password], command].map((words) => words.map(quote).join(' '));
  const pod = ['exec', '--stdin', `statefulset/${release}-valkey`, '--', 'valkey-cli'];
  const { status, stdout, stderr } = await tryKubectl(pod, `${lines.join('\n')}\n`);
  if (status !== 0 || !stdout.startsWith('OK\n')) throw new Error(`valkey-cli: ${stderr}`);
  const answer = stdout.slice('OK\n'.length).trimEnd();
  if (/^(?:NOPERM|ERR|WRONGTYPE) /.test(answer)) throw new Error(`${command[0] ?? ''}: ${answer}`);
  return answer;
}

/** As valkey-cli reads a word that may hold anything. */
const quote = (word: string): string => JSON.stringify(word);
