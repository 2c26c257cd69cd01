/** Events of a PriceFeed: when it becomes ready or ceases to be, stalls, loses pairs, or has another quota than others. What lasts is in its conditions. */
import type { PriceFeedStatus } from '@weir/crds';
import type { EventRecorder, ObjectEvent } from '../kube/index.ts';
import type { PriceFeed } from './price-feed.ts';

/** Conditions that are worth an event when they become true. */
const NEWS: ReadonlySet<string> = new Set(['Stalled', 'Conflicted', 'QuotaConflict']);

export function tellTransitions(events: EventRecorder, feed: PriceFeed, after: PriceFeedStatus): void {
  for (const event of transitionsOf(feed, after)) events.record(event);
}

/** `feed` has the status before. */
export function transitionsOf(feed: PriceFeed, after: PriceFeedStatus): readonly ObjectEvent[] {
  const statusOf = (status: PriceFeedStatus | undefined, type: string) =>
    status?.conditions?.find((each) => each.type === type)?.status;
  return (after.conditions ?? []).flatMap(({ type, status, reason, message }): ObjectEvent[] => {
    const before = statusOf(feed.status, type);
    if (before === status) return [];
    const event = { regarding: feed, reason, action: 'Reconcile', note: message };
    if (type === 'Ready' && status === 'True') return [{ ...event, type: 'Normal' }];
    if (type === 'Ready' && before === 'True') return [{ ...event, type: 'Warning' }];
    const isNews = NEWS.has(type) && status === 'True';
    return isNews ? [{ ...event, type: 'Warning' }] : [];
  });
}
