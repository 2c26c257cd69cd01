/**
 * The kind PriceFeed: a workload, a document and a status for each.
 *
 * Guarantees: a second reconcile in a row writes nothing; what is changed or deleted by hand comes back; a pair is
 * published by one feed alone, the oldest; nothing of a deleted feed stays, neither in the cluster nor in Valkey. Does
 * not: price anything (the process `feed` does), nor read or write Secrets other than the one it makes.
 */
export { createPriceFeedController } from './price-feed-controller.ts';
