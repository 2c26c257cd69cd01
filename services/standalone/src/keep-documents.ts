/**
 * Keeps the compiled documents in Valkey. Level-based: every second the whole set is asserted, which writes nothing
 * while it is there; so whatever was lost, and however, is back within a second of Valkey's return.
 */
import type { Clock } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import { publishDocuments, type ValkeyClient } from '@weir/valkey';
import type { Documents } from './load-resources.ts';

export interface DocumentKeeperOptions {
  readonly client: ValkeyClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly documents: Documents;
  /** The documents had been lost and are back: Valkey has lost everything else too. */
  readonly onLoss: () => Promise<void>;
}

export interface DocumentKeeper {
  stop(): Promise<void>;
}

const ASSERT_MS = 1_000;

/** Resolves once the documents are there for the first time. */
export async function keepDocuments(options: DocumentKeeperOptions): Promise<DocumentKeeper> {
  const { client, clock, logger, documents, onLoss } = options;
  const feeds = new Map(documents.feeds.map((document) => [document.feed, JSON.stringify(document)]));
  const policies = new Map(documents.policies.map((document) => [document.policy, JSON.stringify(document)]));
  const publish = async (): Promise<string> => {
    const feedsSeq = await publishDocuments(client, 'feeds', feeds);
    const policiesSeq = await publishDocuments(client, 'policies', policies);
    return `${feedsSeq} ${policiesSeq}`;
  };

  let known = await publish();
  let owed = false;
  let running: Promise<void> | undefined;
  const assert = async (): Promise<void> => {
    try {
      const seqs = await publish();
      if (seqs !== known) {
        logger.warn('documents were gone from Valkey and are back');
        owed = true;
      }
      known = seqs;
      if (owed) await onLoss();
      owed = false;
    } catch (err) {
      // The next second tries again; what is owed stays owed.
      logger.debug({ err }, 'documents could not be asserted');
    }
  };
  const timer = clock.setInterval(() => {
    running ??= assert().finally(() => {
      running = undefined;
    });
  }, ASSERT_MS);
  return {
    stop: async () => {
      timer.cancel();
      await running;
    },
  };
}
