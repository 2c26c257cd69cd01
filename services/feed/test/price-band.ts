/**
 * The rule by which a published price may differ from the true one; for whoever knows the truth and holds prices
 * against it.
 *
 * Let T be the true price, and t the instant of the record's `timestamp`. Every vote that was counted was known to be
 * current at t or later, so with honest sources
 *
 *     low × (1 - s) ≤ price ≤ high × (1 + s)
 *
 * where low and high are the least and the greatest T from t - lag until now, and s is what honest sources differ from the
 * truth by. Prices that are held back (`hold`, leaps of one source) need no exception: their timestamp stands still too.
 *
 * A minority of wrong sources changes nothing while honest ones agree within `maxDeviationBps` and are confirmed within
 * `fresh` of each other: the median of all that is counted lies among the honest votes. Otherwise it adds what a vote may
 * differ from the median without being left out, since votes may be left out on the honest side, and older honest ones
 * step aside: after they have judged, so that what the true price has moved by within `stale` counts as well. Without a
 * majority of honest ones nothing is promised, but that of two one that has been seen to be stuck is not followed for
 * longer than a dispute lasts, and 3 s more if the other has leapt (`settle-dispute.ts`, `move-guard.ts`).
 */
import type { FeedDocument } from '@weir/wire';

export interface Circumstances {
  /** How far an honest source's price is from the true one, in basis points: its spread, its premium, its rounding. */
  readonly basisBps: number;
  /** What the rate that USDT prices are converted by may be wrong by; absent: nothing is converted. */
  readonly rateBps?: number;
  /** Sources that have a vote, and how many of them are wrong. */
  readonly voting: number;
  readonly wrong: number;
  /** The honest ones are confirmed within one `fresh` of each other. */
  readonly areHonestTogether?: boolean;
  /** How far T has moved while the votes of honest ones that are apart were said; absent: not at all. */
  readonly agedBps?: number;
}

/** In basis points; `undefined`: nothing is promised. */
export function slackBps(
  { basisBps, rateBps = 0, voting, wrong, areHonestTogether = false, agedBps = 0 }: Circumstances,
  { aggregation }: Pick<FeedDocument, 'aggregation'>,
): number | undefined {
  const honestBps = basisBps + rateBps;
  if (wrong === 0) return honestBps;
  if (aggregation.method === 'Priority' || wrong > (voting - 1) >> 1) return undefined;
  if (areHonestTogether && 2 * honestBps <= aggregation.maxDeviationBps) return honestBps;
  // The median absolute deviation is at most the width of the honest votes, and what is nearer to the median than one of
  // them may be left in for it.
  const widthBps = 2 * honestBps + agedBps;
  const scatterBps = voting >= 4 ? 7.413 * widthBps : widthBps;
  const allowedBps = aggregation.maxDeviationBps * (voting === 3 ? 2 : 1);
  return honestBps + agedBps + Math.max(scatterBps, allowedBps);
}
