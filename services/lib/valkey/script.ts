/** A Lua script with the digest that Valkey knows it by. */
import { createHash } from 'node:crypto';

export interface ValkeyScript {
  /** For spans and logs. */
  readonly name: string;
  readonly source: string;
  readonly sha1: string;
  /** When set, `run` refuses any other number of keys. */
  readonly numberOfKeys: number | undefined;
}

export function defineScript(name: string, source: string, numberOfKeys?: number): ValkeyScript {
  return { name, source, sha1: createHash('sha1').update(source).digest('hex'), numberOfKeys };
}
