/**
 * Other symbols for a connection that goes on. Pure, but for the standings, which are changed in place.
 *
 * What is new is asked for, what stays is not touched. What is wanted no longer is forgotten at once, whatever still
 * comes of it; as far as the venue was asked for it, it is told.
 */
import type { ConnectorState, Effect } from './machine-state.ts';
import { createSubscriptions, reconcile, symbolsIn, type Subscriptions } from './subscriptions.ts';

export function changeWanted(
  state: ConnectorState,
  wanted: ReadonlySet<string>,
  { nowMs, symbolsPerFrame }: { readonly nowMs: number; readonly symbolsPerFrame: number },
): { readonly state: ConnectorState; readonly effects: readonly Effect[] } {
  const { subscriptions, halt, phase } = state;
  const { symbols } = subscriptions;
  const effects = unsubscribe(state, wanted);
  for (const symbol of symbols.keys()) if (!wanted.has(symbol)) symbols.delete(symbol);
  const added = createSubscriptions([...wanted].filter((symbol) => !symbols.has(symbol))).symbols;
  for (const [symbol, standing] of added) symbols.set(symbol, standing);
  const changed = reconcile({ ...subscriptions, open: keptRequest(subscriptions) }, [], symbolsPerFrame);
  const next = { ...state, subscriptions: changed, halt: { ...halt, symbols: halt.symbols.intersection(wanted) } };
  // Nothing may have been worth a connection; what is tried already keeps its pace.
  const isFirst = added.size > 0 && added.size === [...symbols.values()].filter(({ strikes }) => strikes === 0).length;
  const isIdle =
    phase === 'backoff' && isFirst && (state.failure?.reason ?? 'AllSymbolsRefused') === 'AllSymbolsRefused';
  return { state: isIdle ? { ...next, untilMs: nowMs } : next, effects };
}

/** Requests are answered in their order, so one that is open is ended by this one too. */
function unsubscribe({ subscriptions, link }: ConnectorState, wanted: ReadonlySet<string>): readonly Effect[] {
  const { symbols, open, nextRequestId } = subscriptions;
  const asked = [...symbolsIn(symbols, 'subscribed'), ...(open?.pending ?? [])];
  const unwanted = asked.filter((symbol) => !wanted.has(symbol));
  if (link === undefined || unwanted.length === 0) return [];
  return [{ type: 'unsubscribe', symbols: unwanted, requestId: nextRequestId }];
}

/** An answer, or its absence, must not bring back what is not wanted. */
function keptRequest({ open, symbols }: Subscriptions): Subscriptions['open'] {
  if (open === undefined) return undefined;
  const pending = open.pending.filter((symbol) => symbols.has(symbol));
  return pending.length === 0 ? undefined : { ...open, pending };
}
