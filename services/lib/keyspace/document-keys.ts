/** Compiled documents: which feeds and policies there are, registered upstreams, application parameters. */
import { defineFamily, type Row } from './family.ts';

const documents = {
  type: 'hash `<namespace>/<name>` → compiled JSON, and `#seq`',
  ttl: 'none',
  writers: ['operator', 'standalone'],
  readers: ['all'],
  notes: 'document and `#seq` in one HSET; `#seq` is polled every 1 s',
} as const satisfies Row;

const documentUpdates = {
  type: 'pub/sub',
  ttl: '–',
  writers: ['operator', 'standalone'],
  readers: ['all'],
  notes: 'seq and changed fields; readers HGET only those',
} as const satisfies Row;

export const documentKeys = {
  feeds: defineFamily('key', 'feeds', documents),
  policies: defineFamily('key', 'policies', documents),
  feedsUpdates: defineFamily('channel', 'feeds:updates', documentUpdates),
  policiesUpdates: defineFamily('channel', 'policies:updates', documentUpdates),
  documentField: defineFamily('field', '<namespace>/<name>', {
    type: 'field of `feeds` and `policies`',
    ttl: '–',
    writers: ['operator', 'standalone'],
    readers: ['all'],
    notes: 'one compiled document',
  }),
  documentPartField: defineFamily('field', '<namespace>/<name>#<part>', {
    type: 'field of `feeds` and `policies`',
    ttl: '–',
    writers: ['operator', 'standalone'],
    readers: ['all'],
    notes: 'further parts of a document over 64 KB, parsed in slices',
  }),
  documentSeqField: defineFamily('field', '#seq', {
    type: 'field of `feeds` and `policies`',
    ttl: '–',
    writers: ['operator', 'standalone'],
    readers: ['all'],
    notes: 'raised by every change',
  }),
  services: defineFamily('key', 'services', {
    type: 'hash `<service>` → compiled JSON, no credentials',
    ttl: 'none',
    writers: ['sync'],
    readers: ['gateway'],
    notes: 'registered upstreams, quotas, price tables',
  }),
  serviceField: defineFamily('field', '<service>', {
    type: 'field of `services`',
    ttl: '–',
    writers: ['sync'],
    readers: ['gateway'],
    notes: 'one registered upstream',
  }),
  appConfig: defineFamily('key', 'app:config', {
    type: 'hash parameter → value',
    ttl: 'none',
    writers: ['sync', 'console'],
    readers: ['all'],
    notes: '`application_parameters`',
  }),
  configUpdates: defineFamily('channel', 'config:updates', {
    type: 'pub/sub',
    ttl: '–',
    writers: ['sync', 'console'],
    readers: ['all'],
    notes: '`app:config` has changed',
  }),
} as const;
