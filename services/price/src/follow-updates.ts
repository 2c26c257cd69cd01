/**
 * Keeps T1 in step with `price:updates`, and notices when it cannot.
 *
 * Records may have been lost when a batch number is missing, when a lease that is not known starts above 1, and when
 * the subscription was interrupted; then the feed's pairs are read again from Valkey. A confirmation of a record that was never heard has that pair read. A feed without a batch for three
 * of its heartbeats, and for 3 s, is silent: its pairs are read again once, and while the silence lasts every request looks
 * into Valkey (at the pace of `read-price`), because a channel that died quietly looks just like a feed that died.
 */
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { Logger, Tracing } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import { decodePriceUpdateBatch, type PriceUpdateBatch } from '@weir/wire';
import type { PriceMetrics } from './metrics.ts';
import type { FeedState, PriceTable, Slot } from './price-table.ts';

const SILENT_AFTER_HEARTBEATS = 3;
/** A short heartbeat must not make a hiccup of the network a silence. */
const SILENT_AFTER_MS_MIN = 3_000;
const WATCH_INTERVAL_MS = 500;

export interface FollowUpdatesOptions {
  readonly valkey: Pick<Valkey, 'subscribe' | 'serverTimeMs'>;
  readonly table: PriceTable;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: PriceMetrics;
  readonly tracing: Tracing;
  /** Reads slots again from Valkey. */
  readonly reread: (slots: Iterable<Slot>) => void;
}

export interface UpdatesFollower {
  close(): Promise<void>;
}

export function followUpdates(options: FollowUpdatesOptions): UpdatesFollower {
  const { valkey, table, clock, logger, metrics, tracing, reread } = options;

  const receive = (text: string): void => {
    const batch = decodePriceUpdateBatch(text);
    if (batch === undefined) {
      metrics.unreadableBatches.add();
      return;
    }
    const { traceparent: parent } = batch;
    const span = parent && tracing.start('apply price updates', { parent, kind: 'consumer' });
    const serverNowMs = valkey.serverTimeMs();
    for (const record of batch.records) {
      if (table.apply(record, serverNowMs) && record.latencyMs > 0) {
        metrics.updateDelay.record(Math.max(0, serverNowMs - batch.madeAtMs + record.latencyMs));
      }
    }
    const feed = table.feeds.get(batch.feed);
    const missed = feed === undefined ? [] : confirmAll(table, feed, batch);
    if (span) span.end();
    if (feed === undefined) return;
    const isContinuous = noteBatch(feed, batch, clock.monotonicMs());
    if (missed.length > 0) reread(missed);
    if (isContinuous) return;
    metrics.gaps.add();
    logger.debug({ feed: feed.name, lease: batch.lease, number: batch.number }, 'price updates lost, reading again');
    reread(feed.slots);
  };

  const silence = (feed: FeedState): void => {
    feed.isSilent = true;
    logger.warn({ feed: feed.name }, 'no price updates from feed');
    reread(feed.slots);
  };

  const subscription = valkey.subscribe([keyspace.priceUpdates.key()], {
    message: (_channel, text) => receive(text),
    up: () => reread(table.slots()),
  });

  const watching = clock.setInterval(() => {
    const now = clock.monotonicMs();
    for (const feed of table.feeds.values()) {
      if (!feed.isSilent && !feed.document.suspend && now - feed.lastHeardMs > silentAfterMs(feed)) silence(feed);
    }
  }, WATCH_INTERVAL_MS);

  return {
    async close() {
      watching.cancel();
      await subscription.close();
    },
  };
}

/** The slots whose records were missed. */
function confirmAll(table: PriceTable, feed: FeedState, { confirmations }: PriceUpdateBatch): Slot[] {
  const missed: Slot[] = [];
  for (const confirmation of confirmations) {
    const slot = table.confirm(feed, confirmation);
    if (slot !== undefined) missed.push(slot);
  }
  return missed;
}

function silentAfterMs({ document }: FeedState): number {
  return Math.max(SILENT_AFTER_MS_MIN, SILENT_AFTER_HEARTBEATS * document.publish.heartbeatMs);
}

/** Takes down what a batch says of its feed; false when one before it has not arrived. */
export function noteBatch(
  feed: FeedState,
  batch: Pick<PriceUpdateBatch, 'lease' | 'number'>,
  monotonicMs: number,
): boolean {
  const expected = batch.lease === feed.lease ? feed.lastNumber + 1 : 1;
  feed.lastHeardMs = monotonicMs;
  feed.isSilent = false;
  // A late one from before a gap: that gap has been dealt with already.
  if (batch.number < expected) return true;
  feed.lease = batch.lease;
  feed.lastNumber = batch.number;
  return batch.number === expected;
}
