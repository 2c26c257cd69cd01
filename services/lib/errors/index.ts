/**
 * The error catalogue of Weir and the error that carries its codes.
 *
 * Guarantees: every code has a status, says whether a retry can help and what to do; docs/errors.md lists them all
 * (checked by test). Does not: format HTTP answers (`@weir/http` does), nor hold anything secret in its public texts.
 */
export { errorCatalogue, type ErrorCode, type ErrorEntry } from './catalogue.ts';
export { isWeirError, WeirError, type WeirErrorOptions } from './weir-error.ts';
