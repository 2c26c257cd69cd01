/**
 * Which markets a venue lists: memory, then Valkey, then the venue itself.
 *
 * No timer runs here: a list is looked at anew by whoever asks once it is about an hour old, in the background, and what
 * is known goes on being answered until there is something newer. One process of the cluster asks the venue, the others
 * find its answer in Valkey. While nobody knows, the venue is asked ever less often.
 *
 * A market that an answer lacks stays listed until three answers in a row, a minute apart, lack it: an answer that was cut
 * short costs minutes and no prices. A list in Valkey may be such an answer too, of a process that had nothing to compare it
 * with: where it lacks what is known here, the venue itself is asked.
 */
import type { ValkeyClient } from '@weir/valkey';
import type { Instrument, VenueRest } from '@weir/venues';
import { createInstrumentStore, listInstruments, type InstrumentList } from './instrument-store.ts';
import { createVenueRequests, type UpstreamOptions, type VenueRequests } from './venue-requests.ts';

export interface InstrumentDirectory {
  /** By `<ASSET>-<QUOTE>`; `undefined` while nobody knows. The same map as before while nothing has changed. Never rejects. */
  load(): Promise<InstrumentList | undefined>;
}

export interface InstrumentDirectoryOptions extends UpstreamOptions {
  readonly valkey: ValkeyClient;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

const REFRESH_MS = 3_600_000;
/** While a market on the list stands still. */
const REFRESH_MS_HALTED = 300_000;
/** So that the processes of a cluster do not ask at once. */
const REFRESH_SPREAD = 0.2;
/** Until the venue is asked again about markets that its answer lacks. */
const LOOK_AGAIN_MS = 60_000;
const LACKING_MAX = 3;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;

export function createInstrumentDirectory(options: InstrumentDirectoryOptions): InstrumentDirectory {
  return new Directory(options);
}

class Directory implements InstrumentDirectory {
  readonly #options: InstrumentDirectoryOptions;
  readonly #rest: VenueRest;
  readonly #requests: VenueRequests;
  readonly #store: ReturnType<typeof createInstrumentStore>;
  #known: InstrumentList | undefined;
  /** In how many answers in a row a market was lacking. */
  #lacking: ReadonlyMap<string, number> = new Map();
  #dueMs = -Infinity;
  #failures = 0;
  #looking: Promise<void> | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: InstrumentDirectoryOptions) {
    this.#options = options;
    this.#rest = options.venue.rest;
    this.#requests = createVenueRequests(options);
    this.#store = createInstrumentStore(options.valkey, options.venue.id, options.restUrl);
  }

  async load(): Promise<InstrumentList | undefined> {
    if (this.#options.clock.monotonicMs() >= this.#dueMs && this.#asking === undefined) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }
    if (this.#known === undefined) await this.#looking;
    return this.#known;
  }

  async #look(): Promise<void> {
    const stored = await this.#readStore();
    // An old list is better than waiting for a new one.
    if (stored !== undefined && this.#known === undefined) this.#known = stored.instruments;
    const leftMs = stored === undefined ? 0 : this.#refreshMs(stored.instruments) - stored.ageMs;
    if (stored !== undefined && leftMs > 0 && !isLacking(stored.instruments, this.#known)) {
      this.#lacking = new Map();
      this.#settle(stored.instruments, leftMs);
      return;
    }
    this.#asking = this.#ask().finally(() => {
      this.#asking = undefined;
    });
    // Whoever waits for it has nothing to go on with.
    if (this.#known === undefined) await this.#asking;
  }

  async #ask(): Promise<void> {
    this.#backOff();
    const fetched = await this.#fetch();
    if (fetched === undefined) return;
    const { logger, venue } = this.#options;
    this.#lacking = countLacking(this.#known, fetched, this.#lacking);
    const missed = [...this.#lacking].filter(([, count]) => count < LACKING_MAX);
    if (missed.length > 0) {
      const told = { venue: venue.id, count: missed.length, listed: fetched.size };
      logger.info(told, 'venue lacks markets that it listed; it is asked again');
      // Not stored: every process looks for itself until one of them is sure.
      this.#settle(withLacking(fetched, missed, this.#known), LOOK_AGAIN_MS);
      return;
    }
    this.#settle(fetched, this.#refreshMs(fetched));
    try {
      await this.#store.write(fetched);
    } catch (err) {
      logger.warn({ err, venue: venue.id }, 'list of markets not stored');
    }
  }

  #settle(instruments: InstrumentList, forMs: number): void {
    this.#failures = 0;
    this.#dueMs = this.#options.clock.monotonicMs() + forMs;
    if (this.#known === undefined || !isSame(this.#known, instruments)) this.#known = instruments;
  }

  /** Until an answer says otherwise. */
  #backOff(): void {
    const { clock, random = Math.random } = this.#options;
    const mostMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** this.#failures);
    this.#failures += 1;
    this.#dueMs = clock.monotonicMs() + mostMs * (0.5 + random() / 2);
  }

  #refreshMs(instruments: InstrumentList): number {
    const { random = Math.random } = this.#options;
    const isAnyHalted = instruments.values().some(({ isHalted }) => isHalted === true);
    return (isAnyHalted ? REFRESH_MS_HALTED : REFRESH_MS) * (1 + REFRESH_SPREAD * (random() - 0.5));
  }

  async #readStore() {
    try {
      return await this.#store.read();
    } catch (err) {
      this.#options.logger.debug({ err }, 'list of markets not read from Valkey');
      return undefined;
    }
  }

  /** All of the requests, or nothing: half a list would say of the other half that it is not there. */
  async #fetch(): Promise<InstrumentList | undefined> {
    const listed: Instrument[] = [];
    for (const request of this.#rest.instrumentRequests) {
      const decode = this.#rest.decodeInstruments.bind(this.#rest);
      const outcome = await this.#requests.ask(request, 'instruments', decode);
      if (outcome.kind === 'refused') {
        if (outcome.retryAfterMs !== undefined) this.#wait(outcome.retryAfterMs);
        return undefined;
      }
      for (const instrument of outcome.value.value) listed.push(instrument);
    }
    const list = listInstruments(listed);
    if (list.size === 0) {
      this.#options.logger.warn({ venue: this.#options.venue.id }, 'venue lists no market');
      return undefined;
    }
    return list;
  }

  #wait(forMs: number): void {
    this.#dueMs = Math.max(this.#dueMs, this.#options.clock.monotonicMs() + forMs);
  }
}

function isLacking(list: InstrumentList, known: InstrumentList = new Map()): boolean {
  return known.keys().some((pair) => !list.has(pair));
}

function countLacking(
  known: InstrumentList = new Map(),
  fetched: InstrumentList,
  before: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const lacking = new Map<string, number>();
  for (const pair of known.keys()) if (!fetched.has(pair)) lacking.set(pair, (before.get(pair) ?? 0) + 1);
  return lacking;
}

function withLacking(
  fetched: InstrumentList,
  missed: readonly (readonly [string, number])[],
  known: InstrumentList = new Map(),
): InstrumentList {
  const list = new Map(fetched);
  for (const [pair] of missed) {
    const instrument = known.get(pair);
    if (instrument !== undefined) list.set(pair, instrument);
  }
  return list;
}

function isSame(a: InstrumentList, b: InstrumentList): boolean {
  if (a.size !== b.size) return false;
  for (const [pair, { symbol, restSymbol, isHalted }] of a) {
    const other = b.get(pair);
    if (other?.symbol !== symbol || other.restSymbol !== restSymbol || other.isHalted !== isHalted) return false;
  }
  return true;
}
