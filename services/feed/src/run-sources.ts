/** Keeps the sources of the document running: starts, changes, replaces and stops them as the document changes. */
import type { ProviderQuotas } from '@weir/limiter';
import { quotaOfSource, venueOfSource, type Upstreams } from '@weir/upstream';
import type { FeedDocument, FeedSource, FeedSourceStatus } from '@weir/wire';
import { sourceStatus } from './merge-statuses.ts';
import { runSource, type RunningSource, type SourceOptions, type SourceOrder } from './run-source.ts';

export type { Connect } from './run-source.ts';

export interface SourcesOptions extends SourceOptions {
  /** `<namespace>/<name>`. */
  readonly feed: string;
  readonly quotas: Pick<ProviderQuotas, 'configureFeed'>;
  readonly upstreams: Upstreams;
}

export interface Sources {
  /** Makes the sources those of the document; `undefined` or a suspended one: none. */
  apply(document: FeedDocument | undefined): void;
  /** Whether this process publishes has changed. */
  review(): void;
  /** In the order of the document. */
  statuses(): readonly FeedSourceStatus[];
  stop(): Promise<void>;
}

interface Entry {
  readonly source: FeedSource;
  /** Whatever a source cannot change while it runs. */
  readonly signature: string;
  readonly running: RunningSource;
}

export function createSources(options: SourcesOptions): Sources {
  const stopping = new Set<Promise<void>>();
  let entries = new Map<string, Entry>();

  const halt = ({ running, source }: Entry): void => {
    const stopped: Promise<void> = running
      .stop()
      .catch((err: unknown) => options.logger.error({ err, source: source.name }, 'source failed to stop'))
      .finally(() => stopping.delete(stopped));
    stopping.add(stopped);
  };

  const apply = (document: FeedDocument | undefined): void => {
    const before = entries;
    entries = new Map();
    options.quotas.configureFeed(options.feed, document?.suspend === false ? document.sources.map(quotaOfSource) : []);
    if (document !== undefined && !document.suspend) {
      const needsUsdtRate = document.sources.some((source) => venueOfSource(source)?.settlement === 'USDT');
      for (const source of document.sources) {
        const known = before.get(source.name);
        const entry = followSource(options, { source, document, needsUsdtRate }, known);
        entries.set(source.name, entry);
        if (entry.running === known?.running) before.delete(source.name);
      }
    }
    for (const entry of before.values()) halt(entry);
  };

  return {
    apply,
    review() {
      for (const { running } of entries.values()) running.review();
    },
    statuses: () =>
      [...entries.values()].map(({ source: { name, exchange }, running }) =>
        sourceStatus({ name, exchange }, running.status),
      ),
    async stop() {
      apply(undefined);
      await Promise.all(stopping);
    },
  };
}

function followSource(options: SourcesOptions, order: SourceOrder, known: Entry | undefined): Entry {
  const { source, document } = order;
  const signature = JSON.stringify([source.exchange, source.url, source.restUrl, document.quote]);
  if (known?.signature === signature) {
    known.running.follow(order);
    return { source, signature, running: known.running };
  }
  return { source, signature, running: startSource(options, order) };
}

function startSource(options: SourcesOptions, order: SourceOrder): RunningSource {
  const { source } = order;
  const venue = venueOfSource(source);
  if (venue === undefined) {
    return idleSource(options, source, { reason: 'UnknownVenue', message: `no exchange is named ${source.exchange}` });
  }
  const upstream = options.upstreams.of(venue, source);
  if (upstream !== undefined) return runSource(options, { venue, upstream }, order);
  const message = `url is set and restUrl is not; set restUrl too, such as ${venue.defaultRestUrl}, or remove url`;
  return idleSource(options, source, { reason: 'NoRestAddress', message });
}

/** One that cannot run as its document has it; another document is another source. */
function idleSource(
  { clock, logger }: SourcesOptions,
  { name, exchange }: FeedSource,
  fault: { readonly reason: string; readonly message: string },
): RunningSource {
  logger.warn({ source: name, exchange, ...fault }, 'source cannot be followed');
  const none = { quarantined: [], quarantinedCount: 0 };
  return {
    follow: () => undefined,
    review: () => undefined,
    status: { state: 'down', ...fault, sinceMs: clock.nowMs(), ...none },
    stop: () => Promise.resolve(),
  };
}
