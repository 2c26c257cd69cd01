/** The feed's own document in `feeds`: read, checked, and handed on whenever it changes. */
import type { Clock } from '@weir/clock';
import { parameters } from '@weir/keyspace';
import type { Logger } from '@weir/telemetry';
import { watchDocuments, type DocumentWatch, type Valkey } from '@weir/valkey';
import type { FeedDocument } from '@weir/wire';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

const code = Type.String({ pattern: `^(?:${parameters.asset.pattern})$` });
const durationMs = Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 });

const feedSource = Type.Object({
  name: Type.String({ minLength: 1 }),
  exchange: Type.String({ minLength: 1 }),
  url: Type.Optional(Type.String()),
  restUrl: Type.Optional(Type.String()),
  symbols: Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1 }))),
  prewarm: Type.Optional(Type.Object({ intervalMs: durationMs })),
  quota: Type.Optional(Type.Object({ points: Type.Integer(), durationMs, window: Type.Enum(['Smooth', 'Fixed']) })),
});

const feedDocument = Type.Object({
  feed: Type.String(),
  suspend: Type.Boolean(),
  assets: Type.Array(code),
  quote: code,
  sources: Type.Array(feedSource),
  aggregation: Type.Object({
    method: Type.Enum(['Median', 'Priority']),
    minSources: Type.Integer({ minimum: 1 }),
    maxDeviationBps: Type.Integer({ minimum: 0 }),
  }),
  freshness: Type.Object({ freshMs: durationMs, staleMs: durationMs, deadMs: durationMs }),
  publish: Type.Object({ intervalMs: durationMs, heartbeatMs: durationMs }),
  fallback: Type.Object({ enabled: Type.Boolean() }),
});

/** `undefined` when it is not the document of a feed. Members that this version does not know are let through. */
export function readFeedDocument(json: string): FeedDocument | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  return Value.Check(feedDocument, value) ? value : undefined;
}

export interface FollowOptions {
  /** `<namespace>/<name>`. */
  readonly feed: string;
  readonly valkey: Valkey;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `undefined`: there is no such feed. */
  readonly onDocument: (document: FeedDocument | undefined, seq: number) => void;
}

/** The last document stays in force while Valkey, or the hash, is gone. */
export function followDocument({
  feed,
  valkey,
  clock,
  logger,
  onDocument,
}: FollowOptions): DocumentWatch<FeedDocument> {
  return watchDocuments({
    valkey,
    family: 'feeds',
    clock,
    logger,
    parse: readFeedDocument,
    fields: (field) => field === feed,
    onChange: (snapshot, seq) => onDocument(snapshot.get(feed), seq),
  });
}
