/** What chaos is let loose on, wherever it runs: venues to strike, a feed and a store to hurt, price servers to ask. */
import type { ExchangeControl } from '@weir/exchanges';
import type { FeedDocument } from '@weir/wire';
import type { Look } from './read-served.ts';

type Commands = Pick<
  ExchangeControl,
  | 'cut'
  | 'restore'
  | 'silence'
  | 'fault'
  | 'heal'
  | 'maintenance'
  | 'announceMaintenance'
  | 'burst'
  | 'refuse'
  | 'accept'
>;
/** Here or far away. */
type Reached<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => void ? (...args: A) => void | Promise<void> : T[K];
};

export interface ChaosVenue extends Reached<Commands> {
  /** How often each fault has really struck. */
  readStrikes(): ExchangeControl['strikes'] | Promise<ExchangeControl['strikes']>;
}

export interface ChaosPod {
  readonly name: string;
  look(): Promise<Look>;
}

export interface ChaosTarget {
  readonly venues: readonly string[];
  readonly venue: (id: string) => ChaosVenue;
  readonly symbolOf: (venue: string, asset: string) => string;
  readonly assets: readonly string[];
  /** An asset that only one venue is a source of: what it says is what is published, with nobody to outvote it. */
  readonly lone?: { readonly asset: string; readonly venue: string };
  readonly rules: Pick<FeedDocument, 'aggregation' | 'freshness'>;
  readonly pods: readonly ChaosPod[];
  /** True prices in dollars, that of USDT among them. */
  readonly readTruths: () => Promise<Readonly<Record<string, number>>>;
  readonly setTruth: (asset: string, price: string) => void | Promise<void>;
  /** An empty one is back when it resolves. */
  readonly restartValkey: () => Promise<void>;
  readonly flushValkey: () => Promise<void>;
  /** Of the assets whose price is stored. */
  readonly countStored: () => Promise<number>;
  /** Kills a process as nothing can prepare for; resolves when it is dead. */
  readonly killFeed: (which: 'active' | 'standby') => Promise<void>;
}
