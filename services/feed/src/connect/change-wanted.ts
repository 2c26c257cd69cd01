/**
 * Other symbols for a connection that goes on. Pure, but for the standings, which are changed in place.
 *
 * What is new is asked for, what stays is not touched. What is wanted no longer is forgotten and not unsubscribed: the
 * venue goes on sending it until the connection ends, and nobody listens.
 */
import type { ConnectorState } from './machine-state.ts';
import { createSubscriptions, reconcile, type Subscriptions } from './subscriptions.ts';

export function changeWanted(
  state: ConnectorState,
  wanted: ReadonlySet<string>,
  { nowMs, symbolsPerFrame }: { readonly nowMs: number; readonly symbolsPerFrame: number },
): ConnectorState {
  const { subscriptions, halt, phase } = state;
  const { symbols } = subscriptions;
  for (const symbol of symbols.keys()) if (!wanted.has(symbol)) symbols.delete(symbol);
  const added = createSubscriptions([...wanted].filter((symbol) => !symbols.has(symbol))).symbols;
  for (const [symbol, standing] of added) symbols.set(symbol, standing);
  const changed = reconcile({ ...subscriptions, open: keptRequest(subscriptions) }, [], symbolsPerFrame);
  const next = { ...state, subscriptions: changed, halt: { ...halt, symbols: halt.symbols.intersection(wanted) } };
  // Nothing may have been worth a connection; what is tried already keeps its pace.
  const isFirst = added.size > 0 && added.size === [...symbols.values()].filter(({ strikes }) => strikes === 0).length;
  const isIdle =
    phase === 'backoff' && isFirst && (state.failure?.reason ?? 'AllSymbolsRefused') === 'AllSymbolsRefused';
  return isIdle ? { ...next, untilMs: nowMs } : next;
}

/** An answer, or its absence, must not bring back what is not wanted. */
function keptRequest({ open, symbols }: Subscriptions): Subscriptions['open'] {
  if (open === undefined) return undefined;
  const pending = open.pending.filter((symbol) => symbols.has(symbol));
  return pending.length === 0 ? undefined : { ...open, pending };
}
