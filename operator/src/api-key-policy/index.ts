/**
 * The kind ApiKeyPolicy: a document that deciders read, keys in Secrets, and proof that the policy is in force.
 *
 * Guarantees: a second reconcile in a row writes nothing, to the API server, to Valkey or to Postgres; the text of a key
 * is in its Secret before it is anywhere else, and nowhere else but as a hash; a Secret that was not made here is never
 * written; keys of a policy that is gone are refused. Does not: decide about requests (deciders do), or watch Secrets.
 */
export { createApiKeyPolicyController } from './api-key-policy-controller.ts';
