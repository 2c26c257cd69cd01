/**
 * Weir's custom resources: their types, their validation and what they compile to.
 *
 * `readResources` judges a file as a strict API server would (schema, defaults, CEL) and names every fault at once with
 * its line and fix. The compile functions are pure and turn a valid resource into the document that processes read, so
 * that standalone mode and the operator publish the same. Nothing here does I/O or knows Kubernetes' API.
 */
export { checkSymbols } from './check-symbols.ts';
export { compileApiKeyPolicy } from './compile-api-key-policy.ts';
export { compilePriceFeed } from './compile-price-feed.ts';
export { shareQuotas, withSharedQuota, type QuotaOf } from './share-quotas.ts';
export { ResourceError, formatResourceFault, type ResourceFault } from './resource-fault.ts';
export {
  createResourceReader,
  readResources,
  type LocatedResource,
  type Resource,
  type ResourceReader,
} from './read-resources.ts';
export { formatPlace, type Place, type StructuralSchema } from './structural-schema.ts';
export type { ApiKeyPolicy, ApiKeyPolicySpec } from './generated/api-key-policy.ts';
export type { PriceFeed, PriceFeedSpec, PriceFeedStatus } from './generated/price-feed.ts';
