/** The parameters that Weir knows, as values: one that is unreadable is its default, and is warned of once. */
import type { Logger } from '@weir/telemetry';
import type { Parameters } from './parameters.ts';

export interface ParameterReader {
  /** `adaptive_max_concurrent`: how many requests of one process may be in flight to one upstream. */
  adaptiveMaxConcurrent(): number;
  /** `<venue>_prewarm_assets`: what the venue's prewarm fetches where a source says nothing; `undefined` when it is not set. */
  prewarmAssets(venue: string): PrewarmAssets | undefined;
}

/** `all`: every asset of the feed. */
export type PrewarmAssets = 'all' | ReadonlySet<string>;

/** What a text means, or how it ought to look. */
type Parsed<T> = { readonly value: T } | { readonly fix: string };

interface Known<T> {
  readonly text: string | undefined;
  readonly value: T;
}

export const ADAPTIVE_MAX_CONCURRENT_DEFAULT = 16;
const CONCURRENT_MAX = 10_000;

export function createParameterReader(parameters: Parameters, logger: Pick<Logger, 'warn'>): ParameterReader {
  const read = createReading(parameters, logger);
  const maxConcurrent = read('adaptive_max_concurrent', parseConcurrent, ADAPTIVE_MAX_CONCURRENT_DEFAULT);
  const prewarms = new Map<string, () => PrewarmAssets | undefined>();
  return {
    adaptiveMaxConcurrent: maxConcurrent,
    prewarmAssets(venue) {
      let prewarm = prewarms.get(venue);
      if (prewarm === undefined) {
        prewarm = read<PrewarmAssets | undefined>(`${venue}_prewarm_assets`, parseAssets, undefined);
        prewarms.set(venue, prewarm);
      }
      return prewarm();
    },
  };
}

/** A text is parsed when it has changed and not for every question: the answer keeps its identity. */
function createReading(parameters: Parameters, logger: Pick<Logger, 'warn'>) {
  return <T>(name: string, parse: (text: string) => Parsed<T>, byDefault: T): (() => T) => {
    let known: Known<T> = { text: undefined, value: byDefault };
    return () => {
      const text = parameters.get(name);
      if (text === known.text) return known.value;
      const parsed = text === undefined ? { value: byDefault } : parse(text);
      if ('fix' in parsed) {
        const shown = text?.slice(0, SHOWN_CHARS_MAX);
        logger.warn({ parameter: name, value: shown, fix: parsed.fix }, 'an application parameter is unreadable');
      }
      known = { text, value: 'fix' in parsed ? byDefault : parsed.value };
      return known.value;
    };
  };
}

const SHOWN_CHARS_MAX = 100;

function parseConcurrent(text: string): Parsed<number> {
  const value = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= CONCURRENT_MAX) return { value };
  return { fix: `Set a whole number from 1 to ${CONCURRENT_MAX}, such as ${ADAPTIVE_MAX_CONCURRENT_DEFAULT}.` };
}

const ASSET = /^[A-Z0-9]{1,15}$/;

function parseAssets(text: string): Parsed<PrewarmAssets> {
  if (text.trim() === '*') return { value: 'all' };
  const names = text.split(',').map((name) => name.trim());
  const assets = names.filter((name) => name !== '');
  if (assets.every((asset) => ASSET.test(asset))) return { value: new Set(assets) };
  return {
    fix: 'Set assets in upper case with commas between them, such as BTC,ETH, or * for all assets of the feed.',
  };
}
