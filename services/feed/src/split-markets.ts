/** Which of a source's connections carries which market. Pure. What has its place keeps it. */
import type { Instrument } from '@weir/venues';

/** A connection's markets; empty: it is not needed. */
export type Share = readonly Instrument[];

/** No venue is asked for more on one connection, whatever it allows: a lost one should not cost everything. */
const MARKETS_PER_CONNECTION = 2_000;

export function splitMarkets(
  before: readonly Share[],
  wanted: readonly Instrument[],
  allowed: number = MARKETS_PER_CONNECTION,
): readonly Share[] {
  const perConnection = Math.max(1, Math.min(allowed, MARKETS_PER_CONNECTION));
  const waiting = new Map(wanted.map((market) => [market.symbol, market]));
  const shares = before.map((share) => {
    const kept: Instrument[] = [];
    for (const { symbol } of share) {
      const market = waiting.get(symbol);
      if (market === undefined || kept.length >= perConnection) continue;
      kept.push(market);
      waiting.delete(symbol);
    }
    return kept;
  });
  let index = 0;
  for (const market of waiting.values()) {
    while ((shares[index]?.length ?? 0) >= perConnection) index += 1;
    (shares[index] ??= []).push(market);
  }
  return shares;
}
