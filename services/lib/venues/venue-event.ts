/** What a venue's frame means, in terms that every venue shares. Prices are normalised plain decimals, never zero. */

interface OfMarket {
  /** The venue's own spelling. */
  readonly symbol: string;
  /** Upper case. */
  readonly asset: string;
  readonly quote: string;
}

/** Both sides of the book, each absent when the venue has none. */
interface Book {
  readonly bid?: string;
  readonly ask?: string;
}

/** The market's last price. */
export interface TickerEvent extends OfMarket, Book {
  readonly kind: 'ticker';
  readonly price: string;
  /** When the venue sent or made this, ISO 8601: its place in the order; absent: that is the time of the trade, if it is told. */
  readonly venueTime?: string;
  /** When the last price was traded, ISO 8601; absent: the venue does not say. */
  readonly tradeTime?: string;
  readonly tradeId?: string;
  /** Never goes back within a market; gaps mean nothing. */
  readonly sequence?: number;
}

/** The book alone: the frame holds no trade price. Without bid and ask: the market is known but dead. */
export interface QuoteEvent extends OfMarket, Book {
  readonly kind: 'quote';
  /** When the venue sent or made this, ISO 8601: its place in the order. */
  readonly venueTime?: string;
  /** Never goes back within a market; gaps mean nothing. */
  readonly sequence?: number;
}

interface Trade extends OfMarket {
  readonly price: string;
  readonly size: string;
  /** Of the taker. */
  readonly side: 'buy' | 'sell';
  readonly tradeTime?: string;
  readonly tradeId?: string;
}

/** A trade as it happens. */
export interface TradeEvent extends Trade {
  readonly kind: 'trade';
}

/** A trade from before the subscription, repeated for context: whoever counts trades leaves it out. */
export interface PastTradeEvent extends Trade {
  readonly kind: 'past-trade';
}

export interface SubscribedEvent {
  readonly kind: 'subscribed';
  /** Symbols whose prices will come; empty with a `requestId`: all that the request named. */
  readonly symbols: readonly string[];
  /** The list is everything that is subscribed; otherwise it is what this request added. */
  readonly complete: boolean;
  readonly requestId?: number;
}

/** To the end of a subscription, granted or not: nothing hangs on it. */
export interface UnsubscribedEvent {
  readonly kind: 'unsubscribed';
}

export interface RejectedEvent {
  readonly kind: 'rejected';
  /** Empty: the venue did not say which. */
  readonly symbols: readonly string[];
  readonly reason: string;
  readonly requestId?: number;
}

/** The venue lives. With a symbol: of that market, whose newest trade is `lastTradeId`. */
export interface HeartbeatEvent {
  readonly kind: 'heartbeat';
  readonly symbol?: string;
  readonly lastTradeId?: string;
}

export interface PongEvent {
  readonly kind: 'pong';
}

/** Work that the venue announces. */
export interface MaintenanceNotice {
  readonly title: string;
  /** The venue's texts, ISO 8601. */
  readonly startsAt?: string;
  readonly endsAt?: string;
  readonly isEmergency: boolean;
  /** Connections end when it begins. */
  readonly endsConnections?: true;
}

/** `halted`: nothing is matched, so every last price stands still. */
export interface StatusEvent {
  readonly kind: 'status';
  readonly state: 'online' | 'halted';
  /** The venue's words. */
  readonly message: string;
  /** Markets in which nothing is matched although the venue is online; absent: the venue does not say. */
  readonly haltedSymbols?: readonly string[];
  /** The markets that `haltedSymbols` speaks of; absent: all. */
  readonly toldSymbols?: readonly string[];
  readonly maintenance?: readonly MaintenanceNotice[];
  /** It speaks of this piece of work alone: what was said of others still holds. */
  readonly work?: string;
}

/** The venue will end this connection, and takes a new one. */
export interface DrainEvent {
  readonly kind: 'drain';
  /** The venue's words. */
  readonly reason: string;
}

/** A complaint that is not about a symbol. */
export interface ErrorEvent {
  readonly kind: 'error';
  readonly reason: string;
}

export interface IgnoredEvent {
  readonly kind: 'ignored';
  readonly why: string;
}

export type VenueEvent =
  | TickerEvent
  | QuoteEvent
  | TradeEvent
  | PastTradeEvent
  | SubscribedEvent
  | UnsubscribedEvent
  | RejectedEvent
  | HeartbeatEvent
  | PongEvent
  | StatusEvent
  | DrainEvent
  | ErrorEvent
  | IgnoredEvent;
