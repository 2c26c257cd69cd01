/** Connectors without an exchange: a test says what the venue says. The real ones are tested against simulated venues. */
import { systemClock } from '@weir/clock';
import { parseDecimal } from '@weir/wire';
import type { ConnectorOptions, ConnectorStatus } from '../src/connect/connector.ts';
import type { Connect } from '../src/run-sources.ts';

export interface ScriptedConnector {
  readonly options: ConnectorOptions;
  /** What it follows now. */
  readonly markets: ConnectorOptions['symbols'];
  readonly isStopped: boolean;
  say(asset: string, price: string): void;
  halt(asset: string): void;
  report(status: Partial<ConnectorStatus>): void;
}

export interface ScriptedVenues {
  readonly connect: Connect;
  /** All that were ever made, oldest first. */
  readonly connectors: readonly ScriptedConnector[];
  /** Those that run, by venue. */
  running(venue: string): ScriptedConnector[];
}

export function createScriptedVenues(): ScriptedVenues {
  const connectors: ScriptedConnector[] = [];
  const connect: Connect = (options) => {
    let isStopped = false;
    let markets = options.symbols;
    let status: ConnectorStatus = {
      state: 'connecting',
      reason: 'Connecting',
      message: '',
      sinceMs: systemClock.nowMs(),
      quarantined: [],
      quarantinedCount: 0,
    };
    connectors.push({
      options,
      get markets() {
        return markets;
      },
      get isStopped() {
        return isStopped;
      },
      say(asset, price) {
        const nowMs = systemClock.monotonicMs();
        const symbol = markets.find((entry) => entry.asset === asset);
        options.onQuote({
          asset,
          quote: symbol?.quote ?? '',
          symbol: symbol?.symbol ?? '',
          price: parseDecimal(price) ?? 0n,
          confirmedMonotonicMs: nowMs,
          via: 'ws',
        });
      },
      halt(asset) {
        const market = markets.find((wanted) => wanted.asset === asset);
        if (market !== undefined) options.onHalted(market);
      },
      report(change) {
        status = { ...status, ...change };
        options.onStatus(status);
      },
    });
    return {
      start: () => undefined,
      follow: (next) => {
        markets = next;
      },
      stop: () => {
        isStopped = true;
        return Promise.resolve();
      },
      get status() {
        return status;
      },
    };
  };
  return {
    connect,
    connectors,
    running: (venue) => connectors.filter(({ options, isStopped }) => options.venue.id === venue && !isStopped),
  };
}
