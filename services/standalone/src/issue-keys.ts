/** Issues the keys that policies ask for. A file stands for each Secret: its text is taken, or made when there is none. */
import { WeirError } from '@weir/errors';
import { checkKeyText, createKeyText, issueKey, type KeyMode } from '@weir/keys';
import type { Postgres } from '@weir/postgres';
import type { ValkeyClient } from '@weir/valkey';
import type { PolicyDocument, PolicyKey } from '@weir/wire';
import { readText, writeSecret, type DataFolder } from './data-folder.ts';

export interface IssuedKeyFile {
  /** Name of the key in its policy. */
  readonly name: string;
  readonly policy: PolicyDocument;
  readonly text: string;
  readonly file: string;
}

export interface KeyIssuer {
  /** Writes every key to Postgres and Valkey; the same texts each time. */
  issue(): Promise<readonly IssuedKeyFile[]>;
}

export interface KeyIssuerOptions {
  readonly postgres: Postgres;
  readonly client: ValkeyClient;
  readonly policies: readonly PolicyDocument[];
  readonly folder: DataFolder;
  /** Of texts that are made. */
  readonly mode: KeyMode;
}

export function createKeyIssuer(options: KeyIssuerOptions): KeyIssuer {
  const wanted = options.policies.flatMap((policy) => policy.keys.map((key) => ({ policy, key })));
  return {
    issue: async () => {
      const issued: IssuedKeyFile[] = [];
      for (const { policy, key } of wanted) issued.push(await issueOne(options, policy, key));
      return issued;
    },
  };
}

async function issueOne(options: KeyIssuerOptions, policy: PolicyDocument, key: PolicyKey): Promise<IssuedKeyFile> {
  const [namespace = '', policyName = ''] = policy.policy.split('/');
  const file = options.folder.secretFile(namespace, key.secretName);
  const text = (await readText(file)) ?? (await createSecret(file, options.mode));
  if (!checkKeyText(text)) {
    const detail = `${file} holds no valid key. Put the whole text back, or delete the file to get a new key.`;
    throw new WeirError('CONFIG_INVALID', { detail });
  }
  await issueKey(options.postgres, options.client, {
    name: key.name,
    project: key.project,
    // A key without a tier cannot be; the policy binds it by name all the same.
    tier: policy.tier ?? policyName,
    policy: policy.policy,
    text,
    ...(key.expiresAtMs !== undefined && { expiresAtMs: key.expiresAtMs }),
  });
  return { name: key.name, policy, text, file };
}

async function createSecret(file: string, mode: KeyMode): Promise<string> {
  const text = createKeyText(mode);
  await writeSecret(file, text);
  return text;
}
