/** What a test or an operator does to a simulated venue: faults, prices, frames. */
import type { Clock } from '@weir/clock';
import type { Maintenance, Market, Product } from './market.ts';
import type { Client, Protocol } from './protocol.ts';
import { playRecording, readRecording } from './recording.ts';
import type { RestRequestSeen } from './rest-desk.ts';
import type { Strikes } from './strikes.ts';
import { changeFaults, healFaults, type VenueFaults } from './venue-faults.ts';
import type { VenueServer } from './venue-server.ts';

export interface ExchangeControl {
  /**
   * Drops every connection and takes no new ones, WebSocket and REST: they are closed as soon as they open or, with
   * `isRefusing`, refused, because nobody listens on the port.
   */
  cut(options?: { readonly isRefusing?: boolean }): void;
  restore(): void;
  /** Half-open: connections live and are accepted, nothing is sent or answered. */
  silence(isSilent: boolean): void;
  /** Switches faults on and off; those that are not named stay. Throws RangeError for what no fault can be. */
  fault(change: Readonly<Partial<VenueFaults>>): void;
  readonly faults: Readonly<VenueFaults>;
  /** How often what was switched on or done has really struck. */
  readonly strikes: Strikes['counts'];
  /** No faults any more; a cut, a silence and refused symbols are ended by their own opposites. */
  heal(): void;
  /** So many trades at once, of any products, at their fair prices. */
  burst(count: number): void;
  /**
   * Trades at this price, in maintenance too, which stands from now on: the walk leaves the pair alone until `release`.
   * A pair in dollars ("BTC") that the venue only lists in USDT is that market, in its own quote.
   */
  setPrice(pair: string, text: string): void;
  release(pair: string): void;
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
  /** All REST requests that ever came, and the last ones, oldest first. */
  readonly restCount: number;
  readonly restRequests: readonly RestRequestSeen[];
}

export interface ControlledVenue {
  readonly clock: Clock;
  readonly market: Market;
  readonly protocol: Protocol;
  readonly server: VenueServer;
  readonly faults: VenueFaults;
  readonly strikes: Strikes;
  /** Wall time of the venue. */
  readonly nowMs: () => number;
  /** Ends running replays. */
  readonly signal: AbortSignal;
}

const MAINTENANCE_MS = 600_000;
/** The WebSocket's own code for it. */
const SERVICE_RESTART = 1012;

export function createControl(venue: ControlledVenue): ExchangeControl {
  const { clock, market, protocol, server, faults, strikes, signal, nowMs } = venue;
  const push = (frame: string): void => pushFrame(venue, frame);
  const publish = (products: readonly Product[]): void =>
    server.batch(() => {
      for (const product of products) protocol.traded(server.clients, product);
    });
  return {
    cut: ({ isRefusing = false } = {}) => server.cut(isRefusing),
    restore: () => server.restore(),
    silence: (isSilent) => server.silence(isSilent),
    fault: (change) => changeFaults(faults, change),
    faults,
    strikes: strikes.counts,
    heal: () => healFaults(faults),
    burst: (count) => {
      const products = market.burst(count, nowMs());
      strikes.note('burst', products.length);
      publish(products);
    },
    setPrice: (pair, text) => publish([market.setPrice(pair, text, nowMs())]),
    release: (pair) => market.release(pair),
    price: (pair) => {
      const { last } = market.productOf(pair);
      if (last === undefined) throw new RangeError(`"${pair}" has not traded`);
      return last.price;
    },
    maintenance: (change) => {
      market.maintenance = change;
      protocol.maintenanceChanged(server.clients);
    },
    announceMaintenance: (startsInMs, { isCut = false } = {}) => announce(venue, startsInMs, isCut),
    refuse: (symbol) => void market.refused.add(symbol),
    accept: (symbol) => void market.refused.delete(symbol),
    push,
    replay: (lines, { speed = 1 } = {}) => playRecording(readRecording(lines), { clock, speed, signal }, push),
    subscribers: (pair) => [...server.clients.subscribersOfAny(market.productOf(pair).symbol)].length,
    get connections() {
      return server.clients.size;
    },
    received: server.received,
    get restCount() {
      return server.rest.count;
    },
    restRequests: server.rest.seen,
  };
}

function announce(
  { clock, market, protocol, server, strikes, signal, nowMs }: ControlledVenue,
  inMs: number,
  isCut: boolean,
): void {
  const startMs = nowMs() + inMs;
  market.maintenance = {
    system: 'online',
    upcoming: { startMs, endMs: startMs + MAINTENANCE_MS, title: 'Restart of the gateways' },
  };
  protocol.maintenanceChanged(server.clients);
  const before = [...server.clients];
  const begin = clock.setTimeout(() => {
    if (isCut) server.cut(false);
    strikes.note('announce', before.length);
    for (const client of before) client.close(SERVICE_RESTART, 'restarting');
  }, inMs);
  signal.addEventListener('abort', () => begin.cancel(), { once: true });
}

function pushFrame({ protocol, server }: ControlledVenue, frame: string): void {
  const route = protocol.replay(frame);
  if (route.to === 'nobody') return;
  for (const client of server.clients) {
    if (route.to === 'all' || route.symbols.some((symbol) => hasSubscribed(client, symbol))) client.send(frame);
  }
}

function hasSubscribed(client: Client, symbol: string): boolean {
  return [...client.subscriptions.values()].some((symbols) => symbols.has(symbol));
}
