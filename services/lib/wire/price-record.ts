/**
 * The price record: what `feed` writes to `price:<ASSET>`, what `price:updates` carries and what `price` answers.
 *
 * `price` is a JSON number written from the exact text in `price_text`; a reader that needs every digit reads
 * the text. `timestamp` is the instant, in Valkey server time, at which the value was last known to be current
 * (a quote, or a venue's proof that nothing changed), so age is always `server time - timestamp`.
 */
export const PRICE_STATUSES = ['fresh', 'aging', 'stale', 'dead'] as const;
export type PriceStatus = (typeof PRICE_STATUSES)[number];

/**
 * What a reader should know of how a price came about.
 *
 * single: one source alone is behind it. disputed: two sources differ, and one of them stands.
 * depeg: prices in USDT were left out, because its rate in dollars is unknown, old or far from 1. hold: a leap that no
 * second source confirms is being waited out, and the price before still stands. fetched: a venue was asked for a request, and
 * no feed stands behind it.
 */
export const PRICE_FLAGS = ['single', 'disputed', 'depeg', 'hold', 'fetched'] as const;
export type PriceFlag = (typeof PRICE_FLAGS)[number];

export interface PriceRecord {
  readonly asset: string;
  readonly quote: string;
  /** Exact plain decimal, no trailing zeros. */
  readonly priceText: string;
  /** Valkey server time in ms at which the value was last confirmed current. */
  readonly confirmedAtMs: number;
  /** `<venue>-ws`, `<venue>-prewarm`, `<venue>-rest` or `median`. */
  readonly source: string;
  /** Every source that voted, as `<venue>-ws` and the like. */
  readonly sources: readonly string[];
  /** From the newest contributing frame's arrival to publication, ms. */
  readonly latencyMs: number;
  /** How far from the price its sources may be, with half their spread: exact decimal text, see `docs/feed.md`. */
  readonly confidenceText: string;
  /** Absent when there are none. */
  readonly flags?: readonly PriceFlag[];
  /** Strictly increasing for a pair, across restarts and takeovers. */
  readonly seq: number;
}

export interface Freshness {
  readonly freshMs: number;
  readonly staleMs: number;
  readonly deadMs: number;
}

export const DEFAULT_FRESHNESS: Freshness = { freshMs: 5_000, staleMs: 15_000, deadMs: 60_000 };

/** fresh until `freshMs`, aging until `staleMs`, stale until `deadMs`, then dead. */
export function priceStatus(ageMs: number, freshness: Freshness): PriceStatus {
  if (ageMs <= freshness.freshMs) return 'fresh';
  if (ageMs <= freshness.staleMs) return 'aging';
  return ageMs <= freshness.deadMs ? 'stale' : 'dead';
}

/**
 * Everything of a record's JSON that no reader changes, up to and including `"seq":<seq>`. A server keeps it and
 * appends what depends on the moment of the answer: see `priceJson`.
 */
export function priceJsonHead(record: PriceRecord): string {
  const confirmed = new Date(record.confirmedAtMs).toISOString();
  const { flags = [] } = record;
  const flagsJson = flags.length === 0 ? '' : `"flags":${JSON.stringify(flags)},`;
  return (
    `{"asset":"${record.asset}","price":${record.priceText},"timestamp":"${confirmed}",` +
    `"readable_timestamp":"${confirmed.slice(0, 10)} ${confirmed.slice(11, 19)} UTC","source":"${record.source}",` +
    `"latency_ms":${record.latencyMs},"quote":"${record.quote}","price_text":"${record.priceText}",` +
    `"confidence":"${record.confidenceText}","sources":${JSON.stringify(record.sources)},` +
    `${flagsJson}"seq":${record.seq}`
  );
}

/** Completes a head: `cached` is whether the answer came from a cache tier rather than a fetch made for it. */
export function priceJson(head: string, cached: boolean, ageMs: number, status: PriceStatus): string {
  return `${head},"cached":${cached},"age_ms":${ageMs},"status":"${status}"}`;
}

/** The record as stored and published; `age_ms` and `status` are those of the moment of writing. */
export function encodePriceRecord(record: PriceRecord, nowMs: number, freshness: Freshness): string {
  const ageMs = Math.max(0, Math.round(nowMs - record.confirmedAtMs));
  return priceJson(priceJsonHead(record), true, ageMs, priceStatus(ageMs, freshness));
}

/** Reads a stored or published record; `undefined` when a field is missing or of another type. */
export function decodePriceRecord(json: string): PriceRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  return readPriceRecord(value);
}

const CODE = /^[A-Z0-9]{1,15}$/;
/** As `formatDecimal` writes it and JSON takes it: no leading zeros. */
const DECIMAL = /^(?:0|[1-9]\d{0,14})(?:\.\d{1,18})?$/;
const SOURCE_NAME = /^[a-z0-9][a-z0-9.-]{0,63}$/;

const isCode = (value: unknown): value is string => typeof value === 'string' && CODE.test(value);
const isSourceName = (value: unknown): value is string => typeof value === 'string' && SOURCE_NAME.test(value);
/** Those of a later version are let go. */
const isFlag = (value: unknown): value is PriceFlag => PRICE_FLAGS.some((flag) => flag === value);
const isDecimal = (value: unknown): value is string => typeof value === 'string' && DECIMAL.test(value);

/** As `decodePriceRecord`, for a value that is parsed already. What it admits can stand in JSON as it is: see `priceJsonHead`. */
export function readPriceRecord(value: unknown): PriceRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  // Every field is still unknown: the cast only makes them askable by name.
  const fields = value as Readonly<Record<string, unknown>>;
  const { asset, quote, price_text: priceText, source, sources, latency_ms: latencyMs, confidence, seq } = fields;
  const confirmedAtMs = typeof fields['timestamp'] === 'string' ? Date.parse(fields['timestamp']) : Number.NaN;
  if (!isCode(asset) || !isCode(quote) || !isDecimal(priceText) || !isDecimal(confidence)) return undefined;
  if (!isSourceName(source) || !Array.isArray(sources) || !sources.every(isSourceName)) return undefined;
  if (typeof latencyMs !== 'number' || !Number.isFinite(latencyMs) || !Number.isFinite(confirmedAtMs)) return undefined;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq)) return undefined;
  const flags: readonly PriceFlag[] = Array.isArray(fields['flags']) ? fields['flags'].filter(isFlag) : [];
  return {
    asset,
    quote,
    priceText,
    confirmedAtMs,
    source,
    sources,
    latencyMs,
    confidenceText: confidence,
    ...(flags.length > 0 && { flags }),
    seq,
  };
}
