/**
 * What processes say to each other: every payload in Valkey and on its channels, with its encoder and decoder.
 *
 * And what all of them must reckon alike: exact decimals, what a quote is worth, the dollar rate of USDT.
 *
 * Pure: no I/O, no clock. Decoders answer `undefined` for what they cannot read and never throw.
 */
export * from './api-key-record.ts';
export * from './cluster-stats.ts';
export * from './decimal.ts';
export type * from './feed-document.ts';
export * from './feed-status.ts';
export * from './money.ts';
export * from './pair.ts';
export type * from './policy-document.ts';
export * from './price-record.ts';
export * from './price-updates.ts';
export * from './source-value.ts';
export * from './upstream-quota.ts';
export * from './usdt-rate.ts';
