/** Prices of one venue by REST: what feeds (prewarm, fallback) and price servers (a price that nobody has) ask for. */
import type { Instrument, RestPrice, RestRequest } from '@weir/venues';
import {
  createVenueRequests,
  type FetchOutcome,
  type FetchRefusal,
  type Known,
  type UpstreamOptions,
} from './venue-requests.ts';

export interface FetchedPrice extends RestPrice {
  /** When the venue must have known it: arrival less half the round trip, on the process's monotonic clock. */
  readonly confirmedMonotonicMs: number;
}

/** One venue at one address. Never rejects. */
export interface VenueFetcher {
  /**
   * In class background. Where it takes several requests and some fail, the prices of the others; markets without a
   * price are left out. A venue that has its batch no longer is asked for single markets, some at a time and all in turn.
   * The prices may be walked through once, and is read as one goes: whoever takes ten thousand prices does so with
   * pauses.
   */
  batch(instruments: readonly Instrument[]): Promise<FetchOutcome<Iterable<FetchedPrice>>>;
  /** In class interactive: somebody waits. */
  one(instrument: Instrument): Promise<FetchOutcome<FetchedPrice>>;
}

/** Of a batch that is gone, at each turn: at the shortest interval of a venue these are 5 requests a second. */
const SINGLES = 10;

interface Wish {
  readonly request: RestRequest;
  readonly instruments: readonly Instrument[];
}

export function createVenueFetcher(options: UpstreamOptions): VenueFetcher {
  const { rest } = options.venue;
  const requests = createVenueRequests(options);
  /** Where the next turn of single requests begins. */
  let nextSingle = 0;

  const askAll = async (wishes: readonly Wish[]): Promise<FetchOutcome<Iterable<FetchedPrice>>> => {
    const answers: Known<Iterable<RestPrice>>[] = [];
    let firstRefusal: FetchRefusal | undefined;
    for (const { request, instruments } of wishes) {
      const outcome = await requests.ask(request, 'batch', (response) => rest.decodePrices(response, instruments));
      if (outcome.kind === 'ok') {
        answers.push(outcome.value);
        continue;
      }
      firstRefusal ??= outcome;
      // Whoever is turned down before or by the venue would only be turned down again.
      if (outcome.cause !== 'failed' && outcome.cause !== 'unknown') break;
    }
    if (firstRefusal !== undefined && answers.length === 0) return firstRefusal;
    return { kind: 'ok', value: answers.values().flatMap(stampAll) };
  };

  return {
    async batch(instruments) {
      const outcome = await askAll(rest.batchRequests(instruments).map((request) => ({ request, instruments })));
      if (outcome.kind === 'ok' || outcome.cause !== 'unknown') return outcome;
      const { items, next } = takeTurn(instruments, nextSingle, SINGLES);
      nextSingle = next;
      return askAll(items.map((market) => ({ request: rest.oneRequest(market), instruments: [market] })));
    },
    async one(instrument) {
      const request = rest.oneRequest(instrument);
      const outcome = await requests.ask(request, 'one', (response) => rest.decodePrices(response, [instrument]));
      if (outcome.kind === 'refused') return outcome;
      const [price] = outcome.value.value;
      if (price === undefined) return { kind: 'refused', cause: 'unknown', reason: 'the venue has no price of it' };
      return { kind: 'ok', value: stamp(price, outcome.value.knownMonotonicMs) };
    },
  };
}

/** The next ones, from the first again after the last. */
function takeTurn(
  all: readonly Instrument[],
  from: number,
  count: number,
): { readonly items: readonly Instrument[]; readonly next: number } {
  const start = from < all.length ? from : 0;
  const items = all.slice(start, start + count);
  return { items, next: start + items.length };
}

function* stampAll({ value, knownMonotonicMs }: Known<Iterable<RestPrice>>): Generator<FetchedPrice> {
  for (const price of value) yield stamp(price, knownMonotonicMs);
}

function stamp(price: RestPrice, confirmedMonotonicMs: number): FetchedPrice {
  return { ...price, confirmedMonotonicMs };
}
