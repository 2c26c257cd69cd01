/** What a connector is given, and what it can be asked for. */
import type { Clock } from '@weir/clock';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { Venue } from '@weir/venues';
import type { ClockSkews } from './clock-skew.ts';
import type { ConnectBudget } from './connect-budget.ts';
import type { ConnectorStatus } from './connector-status.ts';
import type { OpenSocket } from './socket.ts';
import type { Market, SourceQuote } from './source-quotes.ts';
import type { StatusFeeds } from './status-feeds.ts';

export interface ConnectorOptions {
  readonly venue: Venue;
  readonly url: string;
  readonly symbols: readonly Market[];
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn'>;
  readonly telemetry: Pick<Telemetry, 'counter'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Called for every ticker and every proof of life, in the order of arrival. */
  readonly onQuote: (quote: SourceQuote) => void;
  /** Called when a market comes to a standstill: what was told of it no longer holds until it is told again. */
  readonly onHalted: (market: Market) => void;
  /** Called when the status differs from before. */
  readonly onStatus: (status: ConnectorStatus) => void;
  /** Shared by the connectors of a process, so that together they keep a venue's limits; absent: this one has its own. */
  readonly connectBudget?: ConnectBudget;
  /** Shared likewise, so that a venue that tells of its state on a socket of its own is heard once; absent: its own. */
  readonly statusFeeds?: StatusFeeds;
  /** Where the times of its frames are noted. */
  readonly clockSkews?: ClockSkews;
  readonly openSocket?: OpenSocket;
}

export interface Connector {
  start(): void;
  /** Other markets instead, by the same connection where there is one; nothing changes for those that stay. */
  follow(markets: readonly Market[]): void;
  /** Resolves when the socket is gone. */
  stop(): Promise<void>;
  readonly status: ConnectorStatus;
}
