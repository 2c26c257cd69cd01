/** Looks into Valkey as the operator's user, by the valkey-cli of its own pod. */
import { get, kubectl, type KubeObject } from './kubectl.ts';
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

/** What valkey-cli prints, without the line end. Throws on an error reply. */
export async function valkey(...command: readonly string[]): Promise<string> {
  password ??= secretText(`${release}-valkey-users`, 'operator');
  const login = ['-e', '--no-auth-warning', '--user', 'operator', '--pass', await password];
  const out = await kubectl('exec', `statefulset/${release}-valkey`, '--', 'valkey-cli', ...login, ...command);
  return out.replace(/\n$/, '');
}
