/** Every instrument of the PriceFeed controller. Names follow docs/observability.md. */
import type { PriceFeedStatus } from '@weir/crds';
import type { GaugePoint, Telemetry } from '@weir/telemetry';
import { keyOf, nameOf, type ObjectKey } from '../kube/index.ts';
import { CHILD_KINDS, type ChildKind, type PriceFeed } from './price-feed.ts';

/** What a feed is in, one at a time. */
const FEED_STATES = ['ready', 'reconciling', 'degraded', 'stalled', 'suspended'] as const;
type FeedState = (typeof FEED_STATES)[number];

export interface FeedMetrics {
  observe(feed: PriceFeed, status: PriceFeedStatus): void;
  forget(key: ObjectKey): void;
  childApplied(kind: ChildKind): void;
  cleanupGivenUp(): void;
}

function stateOf({ conditions = [] }: PriceFeedStatus): FeedState {
  const isTrue = (type: string): boolean => conditions.some((each) => each.type === type && each.status === 'True');
  if (isTrue('Suspended')) return 'suspended';
  if (isTrue('Stalled')) return 'stalled';
  if (isTrue('Ready')) return 'ready';
  return isTrue('Reconciling') ? 'reconciling' : 'degraded';
}

export function createFeedMetrics(telemetry: Telemetry): FeedMetrics {
  const states = new Map<ObjectKey, FeedState>();
  const { counter, gauge } = telemetry;
  const applied = Object.fromEntries(
    CHILD_KINDS.map((kind) => {
      const options = { description: 'Children of feeds that were applied since they differed', attributes: { kind } };
      return [kind, counter('weir.operator.pricefeed.children_applied', options)];
    }),
  );
  const givenUp = counter('weir.operator.pricefeed.cleanups_given_up', {
    description: 'Deleted feeds whose data in Valkey could not be removed in time',
  });
  gauge('weir.operator.pricefeeds', { description: 'Feeds by state' }, () =>
    FEED_STATES.map((state): GaugePoint => {
      const value = [...states.values()].filter((each) => each === state).length;
      return { value, attributes: { state } };
    }),
  );
  gauge('weir.operator.pricefeed.state_info', { description: '1 for the state a feed is in' }, () =>
    [...states].map(([key, state]): GaugePoint => ({ value: 1, attributes: { ...nameOf(key), state } })),
  );
  return {
    observe: (feed, status) => void states.set(keyOf(feed), stateOf(status)),
    forget: (key) => void states.delete(key),
    childApplied: (kind) => applied[kind]?.add(),
    cleanupGivenUp: () => givenUp.add(),
  };
}
