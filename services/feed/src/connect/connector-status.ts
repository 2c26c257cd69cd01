/** What a connector's state means to people: the words of `feed:status`. Pure. */
import type { SourceState } from '@weir/wire';
import type { ConnectorState } from './machine-state.ts';
import type { RelayState } from './relay.ts';
import type { Market } from './source-quotes.ts';
import { isUnproven } from './silence.ts';
import { isHalted } from './venue-halt.ts';

export interface ConnectorStatus {
  readonly state: SourceState;
  /** CamelCase. */
  readonly reason: string;
  /** One sentence, or empty. */
  readonly message: string;
  /** Wall time of the last change of `state`. */
  readonly sinceMs: number;
  /** Symbols that the venue refuses; the first hundred. */
  readonly quarantined: readonly { readonly asset: string; readonly symbol: string; readonly reason: string }[];
  /** All of them. */
  readonly quarantinedCount: number;
}

/** A status is written every second, and readers want the reason, not the catalogue. */
const QUARANTINED_MAX = 100;
const HALTED_NAMED_MAX = 5;

export function describeState(
  { main: state, second }: Pick<RelayState, 'main' | 'second'>,
  markets: ReadonlyMap<string, Market>,
): Omit<ConnectorStatus, 'sinceMs'> {
  const quarantined: ConnectorStatus['quarantined'][number][] = [];
  let quarantinedCount = 0;
  for (const [symbol, { strikes, reason }] of state.subscriptions.symbols) {
    // Also while it is asked for again: the alarm ends when the venue accepts it.
    if (strikes === 0) continue;
    quarantinedCount += 1;
    if (quarantinedCount > QUARANTINED_MAX) continue;
    quarantined.push({ asset: markets.get(symbol)?.asset ?? '', symbol, reason });
  }
  const words = describePhase(state, quarantinedCount);
  const isDraining = second !== undefined && words.state === 'ok';
  return { ...words, ...(isDraining && DRAINING), quarantined, quarantinedCount };
}

const DRAINING = { reason: 'Draining', message: 'the connection is about to end, a second one is opened' };

/** Something of it is to be told at once. */
export function saysOther(before: ConnectorState, { phase, failure, halt, link }: ConnectorState): boolean {
  if (phase !== before.phase || failure !== before.failure || halt !== before.halt) return true;
  return link?.staleSinceMs !== before.link?.staleSinceMs || link?.freezes !== before.link?.freezes;
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
      if (state.link?.staleSinceMs !== undefined)
        return { state: 'stale', reason: 'Unconfirmed', message: 'nothing confirms the prices of most markets' };
      if (state.link !== undefined && isUnproven(state.link))
        return { state: 'stale', reason: 'Unproven', message: 'a new connection has brought nothing new so far' };
      if (state.phase === 'degraded')
        return { state: 'quiet', reason: 'NoFrames', message: 'asked for a sign of life' };
      if (state.halt.symbols.size > 0)
        return { state: 'ok', reason: 'MarketsHalted', message: describeHalted(state.halt.symbols, symbols.size) };
      if (refused === 0) return { state: 'ok', reason: 'Live', message: '' };
      return { state: 'ok', reason: 'SymbolsRefused', message: `${refused} of ${symbols.size} symbols refused` };
  }
}

function describeHalted(halted: ReadonlySet<string>, wanted: number): string {
  const named = [...halted].slice(0, HALTED_NAMED_MAX);
  const rest = halted.size - named.length;
  const names = rest === 0 ? named.join(', ') : `${named.join(', ')} and ${rest} more`;
  return `${halted.size} of ${wanted} markets stand still: ${names}`;
}
