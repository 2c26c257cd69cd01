/**
 * How the markets of a connection stand: what no single frame shows. A venue may send heartbeats for hours and nothing of
 * its markets, and each of them by itself is merely quiet. Pure, but for taking down which markets are asked for again.
 */
import type { KnownMarket } from './known-market.ts';

/** Of markets that are subscribed and do not stand still. */
export interface Survey {
  /** They have sent something on this connection. */
  readonly followed: number;
  /** They have a value, from whichever connection. */
  readonly valued: number;
  /** They have a value that nothing has confirmed for `UNCONFIRMED_MS`. */
  readonly unconfirmed: number;
  /** The same, and they have sent something on this connection. */
  readonly lapsed: number;
  /** They have sent more on this connection than what a new one is sent at first. */
  readonly moved: number;
  /** Their heartbeats have named a trade that was not sent for a while; they are to be asked for again. */
  readonly missed: readonly string[];
}

export interface SurveyTerms {
  readonly connection: number;
  readonly nowMs: number;
  readonly isSubscribed: (symbol: string) => boolean;
  readonly isHalted: (symbol: string) => boolean;
}

/** As long as a price is eligible, unless its feed says otherwise. */
export const UNCONFIRMED_MS = 15_000;
const MISSED_MS = 5_000;
const ASKED_AGAIN_MS = 60_000;

export function surveyMarkets(markets: Iterable<KnownMarket>, terms: SurveyTerms): Survey {
  const { connection, nowMs, isSubscribed, isHalted } = terms;
  const missed: string[] = [];
  let [followed, valued, unconfirmed, lapsed, moved] = [0, 0, 0, 0, 0];
  for (const known of markets) {
    const { symbol } = known.market;
    if (!isSubscribed(symbol) || isHalted(symbol)) continue;
    const hasSent = known.connection === connection || known.second === connection;
    const isUnconfirmed = known.last !== undefined && nowMs - known.confirmedMs > UNCONFIRMED_MS;
    if (hasSent) followed += 1;
    if (known.movedOn === connection) moved += 1;
    if (known.last !== undefined) valued += 1;
    if (isUnconfirmed) unconfirmed += 1;
    if (isUnconfirmed && hasSent) lapsed += 1;
    if (nowMs - (known.missedSinceMs ?? nowMs) <= MISSED_MS || nowMs - known.askedAgainMs < ASKED_AGAIN_MS) continue;
    known.askedAgainMs = nowMs;
    missed.push(symbol);
  }
  return { followed, valued, unconfirmed, lapsed, moved, missed };
}
