/** What the operator has published: the documents of feeds and policies in Valkey. */
import { keyspace } from '@weir/keyspace';
import { namespace as installed } from './cluster.ts';
import { valkey } from './valkey.ts';

type Kind = 'feeds' | 'policies';

export async function isPublished(kind: Kind, name: string, namespace = installed): Promise<boolean> {
  return (await valkey('HGET', keyspace[kind].key(), keyspace.documentField.key({ namespace, name }))) !== '';
}

export function publishedText(kind: Kind, name: string): Promise<string> {
  return valkey('HGET', keyspace[kind].key(), keyspace.documentField.key({ namespace: installed, name }));
}

/** Takes a document away behind the operator's back. */
export async function unpublish(kind: Kind, name: string): Promise<void> {
  await valkey('HDEL', keyspace[kind].key(), keyspace.documentField.key({ namespace: installed, name }));
}

/** Names of what is published of a namespace. */
export async function publishedIn(kind: Kind, namespace: string): Promise<readonly string[]> {
  const fields = (await valkey('HKEYS', keyspace[kind].key())).split('\n');
  return fields.filter((field) => field.startsWith(`${namespace}/`));
}

/** Raised by every change. */
export function documentsSeq(kind: Kind): Promise<string> {
  return valkey('HGET', keyspace[kind].key(), keyspace.documentSeqField.key());
}

/** What Valkey still holds of a feed and its prices. */
export async function remainsOf(
  name: string,
  pairs: readonly string[],
  namespace = installed,
): Promise<readonly string[]> {
  const keys = [
    keyspace.feedLease.key({ namespace, name }),
    keyspace.feedStatus.key({ namespace, name }),
    ...pairs.map((pair) => keyspace.price.key({ pair })),
  ];
  const found: string[] = [];
  for (const key of keys) if ((await valkey('GET', key)) !== '') found.push(key);
  if (await isPublished('feeds', name, namespace)) found.push(`document of ${namespace}/${name}`);
  return found;
}
