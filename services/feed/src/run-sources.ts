/** Keeps one connector per source of the document: starts, replaces and stops them as the document changes. */
import type { Clock } from '@weir/clock';
import type { Logger, Telemetry } from '@weir/telemetry';
import { findVenue } from '@weir/venues';
import type { FeedDocument, FeedSource, FeedSourceStatus } from '@weir/wire';
import type { ConnectBudget, Connector, ConnectorOptions, ConnectorStatus, SourceQuote } from './connect/connector.ts';

export type Connect = (options: ConnectorOptions) => Connector;

export interface SourcesOptions {
  readonly connect: Connect;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly random: () => number;
  readonly connectBudget: ConnectBudget;
  readonly onQuote: (sourceName: string, quote: SourceQuote) => void;
  readonly onHalted: (sourceName: string, asset: string) => void;
}

export interface Sources {
  /** Makes the connectors those of the document; `undefined` or a suspended one: none. */
  apply(document: FeedDocument | undefined): void;
  /** In the order of the document. */
  statuses(): readonly FeedSourceStatus[];
  stop(): Promise<void>;
}

const NONE_REFUSED = { quarantined: [], quarantinedCount: 0 } as const;

interface RunningSource {
  readonly source: FeedSource;
  /** Whatever the connector was made from: while it is the same, so is the connector. */
  readonly signature: string;
  /** Absent when the venue is unknown. */
  readonly connector: Connector | undefined;
  status: ConnectorStatus;
}

export function createSources(options: SourcesOptions): Sources {
  const stopping = new Set<Promise<void>>();
  let running = new Map<string, RunningSource>();

  const halt = ({ connector, source }: RunningSource): void => {
    if (connector === undefined) return;
    const stopped: Promise<void> = connector
      .stop()
      .catch((err: unknown) => options.logger.error({ err, source: source.name }, 'connector failed to stop'))
      .finally(() => stopping.delete(stopped));
    stopping.add(stopped);
  };

  const apply = (document: FeedDocument | undefined): void => {
    const before = running;
    running = new Map();
    if (document !== undefined && !document.suspend) {
      for (const source of document.sources) {
        const signature = signatureOf(source, document);
        const known = before.get(source.name);
        const isSame = known?.signature === signature;
        running.set(source.name, isSame ? known : startSource(options, source, document));
      }
    }
    for (const [name, entry] of before) if (running.get(name) !== entry) halt(entry);
  };

  return {
    apply,
    statuses: () => [...running.values()].map(describe),
    async stop() {
      apply(undefined);
      await Promise.all(stopping);
    },
  };
}

function signatureOf({ exchange, url, symbols = {} }: FeedSource, { assets, quote }: FeedDocument): string {
  return JSON.stringify([exchange, url, quote, assets.map((asset) => [asset, symbols[asset]])]);
}

function startSource(options: SourcesOptions, source: FeedSource, document: FeedDocument): RunningSource {
  const { clock, telemetry, random, connectBudget } = options;
  const logger = options.logger.child({ source: source.name });
  const signature = signatureOf(source, document);
  const venue = findVenue(source.exchange);
  if (venue === undefined) {
    const message = `no exchange is named ${source.exchange}`;
    logger.warn({ exchange: source.exchange }, 'source names an unknown exchange');
    const status = { state: 'down', reason: 'UnknownVenue', message, sinceMs: clock.nowMs(), ...NONE_REFUSED } as const;
    return { source, signature, connector: undefined, status };
  }
  const { quote } = document;
  const symbolOf = (asset: string): string => source.symbols?.[asset] ?? venue.symbolOf(asset, quote);
  const connector = options.connect({
    venue,
    url: source.url ?? venue.defaultUrl,
    symbols: document.assets.map((asset) => ({ asset, quote, symbol: symbolOf(asset) })),
    clock,
    logger,
    telemetry,
    random,
    connectBudget,
    onQuote: (sourceQuote) => options.onQuote(source.name, sourceQuote),
    onHalted: ({ asset }) => options.onHalted(source.name, asset),
    onStatus: (status) => {
      entry.status = status;
    },
  });
  const entry: RunningSource = { source, signature, connector, status: connector.status };
  connector.start();
  return entry;
}

function describe({ source, status }: RunningSource): FeedSourceStatus {
  return {
    name: source.name,
    exchange: source.exchange,
    state: status.state,
    reason: status.reason,
    message: status.message,
    lastTransitionTime: new Date(status.sinceMs).toISOString(),
    quarantined: status.quarantined,
    quarantinedCount: status.quarantinedCount,
  };
}
