/** What a connector's state means to people: the words of `feed:status`. Pure. */
import type { SourceState } from '@weir/wire';
import type { ConnectorState } from './machine-state.ts';
import type { Market } from './source-quotes.ts';
import { isHalted } from './venue-halt.ts';

export interface ConnectorStatus {
  readonly state: SourceState;
  /** CamelCase. */
  readonly reason: string;
  /** One sentence, or empty. */
  readonly message: string;
  /** Wall time of the last change of `state`. */
  readonly sinceMs: number;
  /** Symbols that the venue refuses. */
  readonly quarantined: readonly { readonly asset: string; readonly symbol: string; readonly reason: string }[];
}

export function describeState(
  state: ConnectorState,
  markets: ReadonlyMap<string, Market>,
): Omit<ConnectorStatus, 'sinceMs'> {
  const quarantined: ConnectorStatus['quarantined'][number][] = [];
  for (const [symbol, { strikes, reason }] of state.subscriptions.symbols) {
    // Also while it is asked for again: the alarm ends when the venue accepts it.
    if (strikes > 0) quarantined.push({ asset: markets.get(symbol)?.asset ?? '', symbol, reason });
  }
  return { ...describePhase(state, quarantined.length), quarantined };
}

type Words = Pick<ConnectorStatus, 'state' | 'reason' | 'message'>;

function describePhase(state: ConnectorState, refused: number): Words {
  const { symbols } = state.subscriptions;
  switch (state.phase) {
    case 'idle':
      return { state: 'down', reason: 'NotStarted', message: '' };
    case 'stopped':
      return { state: 'down', reason: 'Stopped', message: '' };
    case 'connecting':
    case 'subscribing':
    case 'backoff':
      if (symbols.size === 0)
        return { state: 'down', reason: 'NoSymbols', message: 'nothing is wanted of this source' };
      // An outage is one state, however often a connection is tried.
      if (state.failure !== undefined) return { state: 'down', ...state.failure };
      return { state: 'connecting', reason: state.phase === 'subscribing' ? 'Subscribing' : 'Connecting', message: '' };
    case 'live':
    case 'degraded':
      if (isHalted(state.halt, symbols)) {
        return {
          state: 'halted',
          reason: 'VenueMaintenance',
          message: state.halt.message ?? 'every market stands still',
        };
      }
      if (state.phase === 'degraded')
        return { state: 'quiet', reason: 'NoFrames', message: 'asked for a sign of life' };
      if (refused === 0) return { state: 'ok', reason: 'Live', message: '' };
      return { state: 'ok', reason: 'SymbolsRefused', message: `${refused} of ${symbols.size} symbols refused` };
  }
}
