/** Looks into the trial Postgres by the psql of its own pod. */
import { release } from './cluster.ts';
import { tryKubectl } from './kubectl.ts';
import { secretText } from './valkey.ts';

/** Rows of one statement, columns separated by `|`. */
async function postgres(statement: string): Promise<readonly string[]> {
  const password = await secretText(`${release}-postgres`, 'password');
  const psql = [
    'psql',
    '-X',
    '-A',
    '-t',
    '-q',
    '-W',
    '-v',
    'ON_ERROR_STOP=1',
    '-h',
    '127.0.0.1',
    '-U',
    'weir',
    '-d',
    'weir',
  ];
  // Without a terminal psql reads the password from standard input, before the statement.
  const input = `${password}\n${statement};\n`;
  const { status, stdout, stderr } = await tryKubectl(
    ['exec', '--stdin', `${release}-postgres-0`, '--', ...psql],
    input,
  );
  if (status !== 0) throw new Error(`psql: ${stderr}`);
  return stdout.split('\n').filter((row) => row !== '');
}

/** Keys of a policy that are let in, whatever they are called. */
export function activeKeysOf(namespace: string, policy: string): Promise<readonly string[]> {
  return postgres(`SELECT id FROM api_key WHERE policy = '${namespace}/${policy}' AND NOT revoked`);
}
