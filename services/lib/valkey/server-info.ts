/** What the server says of itself on every new connection: who it is, whether it is ready, what it does when full. */

export interface ServerInfo {
  /** Changes whenever another process answers at this address, or the same one after a restart or a promotion. */
  readonly identity: string;
  readonly isLoading: boolean;
  /** `undefined` when the server does not say. */
  readonly maxmemoryPolicy: string | undefined;
}

/** Sections of INFO that are read; several in one call need Redis 7.0, which is the floor. */
export const INFO_SECTIONS = ['server', 'replication', 'persistence', 'memory'] as const;

export function parseServerInfo(text: string): ServerInfo {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return {
    identity: `${fields.get('run_id') ?? ''} ${fields.get('master_replid') ?? ''}`,
    isLoading: (fields.get('loading') ?? '0') !== '0' || (fields.get('async_loading') ?? '0') !== '0',
    maxmemoryPolicy: fields.get('maxmemory_policy'),
  };
}
