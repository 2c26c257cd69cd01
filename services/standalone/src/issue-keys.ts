/** Issues the keys that policies ask for. A file stands for each Secret: its text is taken, or made when there is none. */
import { isWeirError, WeirError } from '@weir/errors';
import { checkKeyText, createKeyText, issueKey, type KeyMode } from '@weir/keys';
import type { Postgres } from '@weir/postgres';
import type { ValkeyClient } from '@weir/valkey';
import type { PolicyDocument, PolicyKey } from '@weir/wire';
import { readText, writeSecret, type DataFolder } from './data-folder.ts';

/** A key with its text, which is in its file too. */
export interface PreparedKey {
  readonly key: PolicyKey;
  readonly policy: PolicyDocument;
  readonly text: string;
  readonly file: string;
}

/** `mode` is that of texts which are made. Throws CONFIG_INVALID for a file whose text is no key. */
export async function prepareKeys(
  policies: readonly PolicyDocument[],
  folder: DataFolder,
  mode: KeyMode,
): Promise<readonly PreparedKey[]> {
  const prepared: PreparedKey[] = [];
  for (const policy of policies) {
    const [namespace = ''] = policy.policy.split('/');
    for (const key of policy.keys) {
      const file = folder.secretFile(namespace, key.secretName);
      prepared.push({ key, policy, file, text: (await readText(file)) ?? (await createSecret(file, mode)) });
    }
  }
  const damaged = prepared.filter(({ text }) => !checkKeyText(text)).map(({ file }) => file);
  if (damaged.length > 0) {
    const fix = 'Put the whole text back, or delete the file to get a new key.';
    throw new WeirError('CONFIG_INVALID', { detail: `${damaged.join(', ')} holds no valid key. ${fix}` });
  }
  return prepared;
}

async function createSecret(file: string, mode: KeyMode): Promise<string> {
  const text = createKeyText(mode);
  await writeSecret(file, text);
  return text;
}

/**
 * Writes every key to Postgres and Valkey. A key that is there already keeps its id and takes the project, tier and
 * expiry of now; a text that is new to it ends the one before. Throws RESOURCE_INVALID for a text that another policy's
 * key has, for another project.
 */
export async function issueKeys(
  postgres: Postgres,
  client: ValkeyClient,
  prepared: readonly PreparedKey[],
): Promise<void> {
  for (const { key, policy, text, file } of prepared) {
    const [, policyName = ''] = policy.policy.split('/');
    const request = {
      name: key.name,
      project: key.project,
      // A key without a tier cannot be; the policy binds it by name all the same.
      tier: policy.tier ?? policyName,
      policy: policy.policy,
      text,
      ...(key.expiresAtMs !== undefined && { expiresAtMs: key.expiresAtMs }),
    };
    await issueKey(postgres, client, request).catch((cause: unknown) => {
      if (!isWeirError(cause, 'RESOURCE_INVALID')) throw cause;
      const problem = `The key in ${file} belongs to another project than "${key.project}", which ${policy.policy} names`;
      const fix = 'Put the project back, or delete the file to get a new key.';
      throw new WeirError('RESOURCE_INVALID', { detail: `${problem} for key ${key.name}. ${fix}`, cause });
    });
  }
}
