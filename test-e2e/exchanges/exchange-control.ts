/** What a test or an operator does to a simulated venue: faults, prices, frames. */
import type { Clock } from '@weir/clock';
import type { Maintenance, Market } from './market.ts';
import type { Client, Protocol } from './protocol.ts';
import { playRecording, readRecording } from './recording.ts';
import type { VenueServer } from './venue-server.ts';

export interface ExchangeControl {
  /** Drops every connection and refuses new ones, WebSocket and REST. */
  cut(): void;
  restore(): void;
  /** Half-open: connections live and are accepted, nothing is sent or answered. */
  silence(isSilent: boolean): void;
  /** Trades at this price, in maintenance too, which stands from now on: the walk leaves the pair alone. */
  setPrice(pair: string, text: string): void;
  /** The last trade's price. Throws RangeError when the pair is not listed or has not traded. */
  price(pair: string): string;
  /** While the system is not online the walk stands still; `setPrice`, `push` and `replay` trade all the same. */
  maintenance(change: Maintenance): void;
  /**
   * Announces work, with the system still online, that begins in so long. Then every connection that was open at the
   * announcement is closed; new ones are taken before and after, unless `isCut`: then it is as after `cut`.
   */
  announceMaintenance(startsInMs: number, options?: { readonly isCut?: boolean }): void;
  /** From now on the venue does not know this symbol ("ETH-USD", "ETH/USD"); who has it subscribed keeps it. */
  refuse(symbol: string): void;
  accept(symbol: string): void;
  /** Sends one frame as it is to whom it concerns, and takes its price into the market. */
  push(frame: string): void;
  /** Sends a recording's frames; `speed` 1 is its own pace, Infinity sends all at once. */
  replay(lines: readonly string[], options?: { readonly speed?: number }): Promise<void>;
  /** Clients that have subscribed to the pair in any channel. */
  subscribers(pair: string): number;
  readonly connections: number;
  /** The last texts that clients sent, oldest first. */
  readonly received: readonly string[];
}

export interface ControlledVenue {
  readonly clock: Clock;
  readonly market: Market;
  readonly protocol: Protocol;
  readonly server: VenueServer;
  /** Ends running replays. */
  readonly signal: AbortSignal;
}

const MAINTENANCE_MS = 600_000;
/** The WebSocket's own code for it. */
const SERVICE_RESTART = 1012;

export function createControl({ clock, market, protocol, server, signal }: ControlledVenue): ExchangeControl {
  const announce = (startsInMs: number, isCut: boolean): void => {
    const nowMs = clock.nowMs();
    const startMs = nowMs + startsInMs;
    market.maintenance = {
      system: 'online',
      upcoming: { startMs, endMs: startMs + MAINTENANCE_MS, title: 'Restart of the gateways' },
    };
    protocol.maintenanceChanged(server.clients);
    const before = [...server.clients];
    const begin = clock.setTimeout(() => {
      if (isCut) server.cut();
      for (const client of before) client.close(SERVICE_RESTART, 'restarting');
    }, startsInMs);
    signal.addEventListener('abort', () => begin.cancel(), { once: true });
  };
  const push = (frame: string): void => {
    const route = protocol.replay(frame);
    if (route.to === 'nobody') return;
    for (const client of server.clients) {
      if (route.to === 'all' || route.symbols.some((symbol) => hasSubscribed(client, symbol))) client.send(frame);
    }
  };
  return {
    cut: () => server.cut(),
    restore: () => server.restore(),
    silence: (isSilent) => server.silence(isSilent),
    setPrice: (pair, text) => protocol.traded(server.clients, market.setPrice(pair, text, clock.nowMs())),
    price: (pair) => {
      const { last } = market.productOf(pair);
      if (last === undefined) throw new RangeError(`"${pair}" has not traded`);
      return last.price;
    },
    maintenance: (change) => {
      market.maintenance = change;
      protocol.maintenanceChanged(server.clients);
    },
    announceMaintenance: (startsInMs, { isCut = false } = {}) => announce(startsInMs, isCut),
    refuse: (symbol) => void market.refused.add(symbol),
    accept: (symbol) => void market.refused.delete(symbol),
    push,
    replay: (lines, { speed = 1 } = {}) => playRecording(readRecording(lines), { clock, speed, signal }, push),
    subscribers: (pair) => {
      const { symbol } = market.productOf(pair);
      return [...server.clients].filter((client) => hasSubscribed(client, symbol)).length;
    },
    get connections() {
      return server.clients.size;
    },
    received: server.received,
  };
}

function hasSubscribed(client: Client, symbol: string): boolean {
  return [...client.subscriptions.values()].some((symbols) => symbols.has(symbol));
}
