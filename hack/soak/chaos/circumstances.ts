/**
 * How far a price may be from the truth by the rule of `price-band.ts`, from what is wrong at the time. Pure but for the
 * incidents it is told of.
 */
import type { FeedDocument } from '@weir/wire';
import { slackBps } from '../../../services/feed/test/price-band.ts';
import type { Incident } from './plan.ts';

/** An incident as it really was, in wall time. */
export interface Struck {
  readonly incident: Incident;
  readonly fromMs: number;
  /** Infinity: it goes on. */
  toMs: number;
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Circumstances {
  begin(incident: Incident, atMs: number): Struck;
  /** In basis points, of an asset with these sources; `undefined`: nothing is promised. */
  readonly slackBps: (venues: readonly string[], time: Span, rateBps: number) => number | undefined;
  /** Venues that have told nothing but lies for so long, and still do. */
  readonly liarsSince: (atMs: number, forMs: number) => readonly string[];
}

/** Sources that say what is not so, and say that it is current; some venues tell nobody that they stand still. */
const WRONG: ReadonlySet<string> = new Set(['lie', 'freeze', 'halt']);
/** Nothing stops these from confirming their prices. */
const PRESENT: ReadonlySet<string> = new Set(['skew', 'disorder', 'empty-bids', 'zero-times', 'burst', ...WRONG]);
/** Noise of half a basis point, one of the walk while a frame is on its way, and ticks. */
const BASIS_BPS = 3;
/** The markets of USDT have noise and ticks too. */
const RATE_NOISE_BPS = 1;
/** Until a venue that is well again has said so of every market. */
const WELL_AFTER_MS = 1_000;
const BACK_AFTER_MS = 3_000;

export function createCircumstances({
  aggregation,
  freshness,
}: Pick<FeedDocument, 'aggregation' | 'freshness'>): Circumstances {
  const struck: Struck[] = [];
  const isDuring = ({ fromMs, toMs }: Struck, from: number, to: number, afterMs: number): boolean =>
    fromMs <= to && toMs + afterMs >= from;
  return {
    begin(incident, atMs) {
      const one = { incident, fromMs: atMs, toMs: Infinity };
      struck.push(one);
      return one;
    },
    slackBps(venues, { fromMs, toMs }, rateBps) {
      const isOurs = ({ incident }: Struck): boolean => !('venue' in incident) || venues.includes(incident.venue);
      const ours = struck.filter(isOurs);
      const wrong = venuesOf(
        ours,
        (one) => WRONG.has(one.incident.fault) && isDuring(one, fromMs, toMs, WELL_AFTER_MS),
      );
      const isAway = ({ incident }: Struck): boolean => 'venue' in incident && !PRESENT.has(incident.fault);
      const away = venuesOf(ours, (one) => isAway(one) && isDuring(one, fromMs, toMs, BACK_AFTER_MS)).difference(wrong);
      // What was said before an outage has a part in what is plausible until it is stale.
      const apartMs = freshness.staleMs + BACK_AFTER_MS;
      const areHonestTogether = !ours.some(
        (one) => (isAway(one) || one.incident.fault.startsWith('all-')) && isDuring(one, fromMs, toMs, apartMs),
      );
      const voting = venues.length - away.size;
      return slackBps(
        { basisBps: BASIS_BPS, rateBps: rateBps + RATE_NOISE_BPS, voting, wrong: wrong.size, areHonestTogether },
        { aggregation },
      );
    },
    liarsSince: (atMs, forMs) =>
      struck.flatMap(({ incident, fromMs, toMs }) =>
        incident.fault === 'lie' && fromMs + forMs <= atMs && atMs <= toMs ? [incident.venue] : [],
      ),
  };
}

function venuesOf(struck: readonly Struck[], isMeant: (one: Struck) => boolean): ReadonlySet<string> {
  return new Set(struck.filter(isMeant).flatMap(({ incident }) => ('venue' in incident ? [incident.venue] : [])));
}
