/**
 * The clients of Valkey, and the documents (feeds, policies) that processes share through it.
 *
 * Guarantees: a call answers or rejects within its deadline; it is sent at most once, never queued for a connection to
 * come and never sent again; a hung Valkey costs one time-out and then nothing; recovery needs no restart. Does not:
 * decide what to do without Valkey (every caller's own policy), nor hold names of keys (`@weir/keyspace` does).
 */
export { type Health } from './breaker.ts';
export { type ValkeyClient } from './client.ts';
export { type DocumentFamily } from './document-format.ts';
export { publishChanges, publishDocuments } from './publish-documents.ts';
export { storeNewerRecord } from './store-record.ts';
export { defineScript, type ValkeyScript } from './script.ts';
export { type Subscription, type SubscriptionHandlers } from './subscriber.ts';
export { parseValkeyUrl, type StandaloneTarget, type ValkeyTarget, type ValkeyTls } from './target.ts';
export { createValkey, DEFAULT_DEADLINES, type Valkey, type ValkeyOptions, type ValkeyStatus } from './valkey.ts';
export { watchDocuments, type DocumentWatch, type WatchDocumentsOptions } from './watch-documents.ts';
