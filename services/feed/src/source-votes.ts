/**
 * What one source says of one asset, by each way it can be asked, and the one vote that comes of it. Pure but for what it
 * remembers.
 *
 * A value that leaps by more than 20 % is not believed at once: the vote before stands, with the age it has, until another
 * source says the same within 2 %, until the source has kept to its leap for 5 s, or until the vote before is stale. So a
 * source that is alone is late by 5 s at most, and never locked out.
 */
import { valueOfQuote, type Decimal, type Freshness, type SourceValue, type ValueRefusal } from '@weir/wire';
import type { AggregationRules } from './aggregate-quotes.ts';
import type { SourceQuote } from './connect/connector.ts';
import { holdAgainst, isRepeated, repeatedFrom, type Repeated } from './doubt-socket.ts';
import { AGREE_BPS, differs } from './move-guard.ts';

export type Via = SourceQuote['via'];

/** In the order in which they are believed. */
export const VIAS: readonly Via[] = ['ws', 'rest', 'prewarm'];

const JUMP_BPS = 2_000n;
const JUMP_HOLD_MS = 5_000;
/**
 * A quarter of what sources may differ by: of two that agreed within half of that, one that has since come to differ by more
 * has moved by more than twice as much, and is never taken for one that wobbles.
 */
const WOBBLES_PER_DEVIATION = 4n;

/** What is said by one way. */
export interface Say {
  readonly quote: string;
  /** The last quote that was valued. */
  said: SourceQuote;
  /** The newest last price, whatever it is worth. */
  lastPrice: Decimal;
  /** When it was traded, or since when it has been the last one; monotonic. */
  tradedMs: number;
  /** Whether it is worth the same however old its trade is. */
  isAgeless: boolean;
  /** What the newest quote is worth, the same object as long as it is worth the same; absent: nothing. */
  value: SourceValue | undefined;
  /** Of the newest quote, whatever it is worth, unless it is not believed. */
  confirmedMs: number;
  /** Of the newest quote, believed or not. */
  repeatedMs: number;
  /** The newest quote leaps. */
  isHeld: boolean;
  awaySinceMs: number | undefined;
  /** Of the socket's: what it repeats, and whether REST says so too. */
  repeated: Repeated;
  /** What votes. Written over as it is confirmed: most of what is said is that nothing has changed. */
  accepted: Accepted | undefined;
}

interface Accepted {
  readonly value: SourceValue;
  confirmedMs: number;
  /** Since when it has been this price. */
  readonly movedMs: number;
  /** The price about which it has been since it last left another; a wobble is no move. */
  readonly about: Decimal;
  /** When that was; -Infinity: not since it has been heard of. */
  readonly leftMs: number;
}

export interface SourceSays {
  readonly exchange: string;
  readonly by: Partial<Record<Via, Say>>;
}

/**
 * changed: the vote may be another now. confirmed: it stands, only more surely. older: not newer than what is known. Else
 * why the quote is worth nothing: the vote before stands and grows older.
 */
export type SayVerdict = 'changed' | 'confirmed' | 'older' | SayRefusal;

/** contradicted: the socket repeats what REST has gone on saying is not so. */
export type SayRefusal = ValueRefusal | 'contradicted';

/**
 * Takes a quote in; whether it is believed is decided when votes are asked for. `toldMs` is when the venue says that the
 * price was traded, monotonic.
 */
export function takeQuote(
  says: SourceSays,
  quote: SourceQuote,
  toldMs: number | undefined,
  { freshness: { freshMs }, maxDeviationBps }: Pick<AggregationRules, 'freshness' | 'maxDeviationBps'>,
): SayVerdict {
  const { via, confirmedMonotonicMs: confirmedMs } = quote;
  let say = says.by[via];
  if (say !== undefined && say.quote !== quote.quote) {
    // Two markets of one source: one vote all the same, that of the market which was heard of first, while it is.
    if (confirmedMs - say.confirmedMs <= freshMs) return 'older';
    say = undefined;
  }
  if (say !== undefined && confirmedMs < say.confirmedMs) return 'older';
  const tradedMs = toldMs ?? lastSinceMs(says, quote);
  say ??= says.by[via] = newSay(quote);
  say.lastPrice = quote.price;
  say.tradedMs = tradedMs;
  const before = say.value;
  if (via === 'ws' && !isRepeated(say.repeated, quote)) say.repeated = repeatedFrom(quote);
  if (say.repeated.isDisbelieved) {
    say.repeatedMs = confirmedMs;
    return 'contradicted';
  }
  const refusal = valueSay(say, quote, confirmedMs - tradedMs);
  // After a silence the vote may not have counted, even if it says the same again.
  const isContinued = confirmedMs - say.confirmedMs <= freshMs;
  say.confirmedMs = say.repeatedMs = confirmedMs;
  const { ws } = says.by;
  // A socket that is down says nothing that could be refuted.
  const isHeardOf = via !== 'ws' && ws?.quote === quote.quote && confirmedMs - ws.repeatedMs <= freshMs;
  if (isHeardOf && holdAgainst(ws.repeated, quote, { isValued: refusal === undefined, maxDeviationBps }))
    return 'changed';
  if (refusal !== undefined) return refusal;
  return isContinued && !say.isHeld && before?.price === say.value?.price ? 'confirmed' : 'changed';
}

/**
 * Since when a price whose time nobody tells has been the last one here. What REST says without a time is the trade that
 * the socket has told, if the price is the same.
 */
function lastSinceMs({ by }: SourceSays, { via, quote, price, confirmedMonotonicMs }: SourceQuote): number {
  for (const say of [by.ws, by[via]]) if (say?.quote === quote && say.lastPrice === price) return say.tradedMs;
  return confirmedMonotonicMs;
}

const newSay = (said: SourceQuote): Say => ({
  quote: said.quote,
  said,
  lastPrice: said.price,
  tradedMs: said.confirmedMonotonicMs,
  isAgeless: false,
  value: undefined,
  confirmedMs: said.confirmedMonotonicMs,
  repeatedMs: said.confirmedMonotonicMs,
  isHeld: false,
  awaySinceMs: undefined,
  repeated: repeatedFrom(said),
  accepted: undefined,
});

/** Takes down what the quote is worth; why, if it is worth nothing. */
function valueSay(say: Say, quote: SourceQuote, tradeAgeMs: number): ValueRefusal | undefined {
  const { said, value: before } = say;
  const isSame = said.price === quote.price && said.bid === quote.bid && said.ask === quote.ask;
  if (isSame && say.isAgeless && before !== undefined) return undefined;
  const value = valueOfQuote(quote, tradeAgeMs);
  if (typeof value === 'string') {
    say.value = undefined;
    return value;
  }
  say.said = quote;
  say.isAgeless = typeof valueOfQuote(quote, Infinity) !== 'string';
  const isWorthTheSame = before?.price === value.price && before.halfSpread === value.halfSpread;
  if (!isWorthTheSame) say.value = value;
  return undefined;
}

/** What a source says newest, believed or not; for others to agree with. */
export function saidBy(says: SourceSays, freshness: Freshness, nowMs: number): Decimal | undefined {
  for (const via of VIAS) {
    const say = says.by[via];
    if (say === undefined || say.repeated.isDisbelieved) continue;
    if (say.value !== undefined && nowMs - say.confirmedMs <= freshness.staleMs) return say.value.price;
    if (say.accepted !== undefined && nowMs - say.accepted.confirmedMs <= freshness.staleMs)
      return say.accepted.value.price;
  }
  return undefined;
}

/** When a settling takes place, and by what. */
export interface Settling {
  readonly freshness: Freshness;
  readonly maxDeviationBps: number;
  readonly nowMs: number;
  /** What the other sources say newest; asked only of a leap. */
  readonly othersSay: () => readonly Decimal[];
}

/** Believes what can be believed; whether something is held back by now that was not before. */
export function settleSays({ by }: SourceSays, settling: Settling): boolean {
  let isNewlyHeld = false;
  for (const via of VIAS) {
    const say = by[via];
    if (say?.value === undefined) continue;
    const { value, confirmedMs, accepted } = say;
    if (accepted?.value === value) {
      accepted.confirmedMs = confirmedMs;
      continue;
    }
    if (isBelievable(say, value.price, settling)) {
      say.accepted = acceptedAs(value, confirmedMs, { accepted, maxDeviationBps: settling.maxDeviationBps });
      say.isHeld = false;
      say.awaySinceMs = undefined;
    } else if (!say.isHeld) {
      say.isHeld = true;
      isNewlyHeld = true;
    }
  }
  return isNewlyHeld;
}

function acceptedAs(
  value: SourceValue,
  confirmedMs: number,
  { accepted, maxDeviationBps }: { readonly accepted: Accepted | undefined; readonly maxDeviationBps: number },
): Accepted {
  if (accepted === undefined)
    return { value, confirmedMs, movedMs: confirmedMs, about: value.price, leftMs: -Infinity };
  const { about, leftMs } = accepted;
  const movedMs = accepted.value.price === value.price ? accepted.movedMs : confirmedMs;
  const isWobble = !differs(about + (value.price - about) * WOBBLES_PER_DEVIATION, about, BigInt(maxDeviationBps));
  if (isWobble) return { value, confirmedMs, movedMs, about, leftMs };
  return { value, confirmedMs, movedMs, about: value.price, leftMs: confirmedMs };
}

function isBelievable(say: Say, price: Decimal, { freshness, nowMs, othersSay }: Settling): boolean {
  const { accepted, confirmedMs } = say;
  if (accepted === undefined || nowMs - accepted.confirmedMs > freshness.staleMs) return true;
  if (!differs(price, accepted.value.price, JUMP_BPS)) return true;
  say.awaySinceMs ??= confirmedMs;
  if (confirmedMs - say.awaySinceMs >= JUMP_HOLD_MS) return true;
  return othersSay().some((other) => !differs(other, price, AGREE_BPS));
}

/** The say that votes: the socket's while it is fresh, then REST's, then that of the prewarm, else the newest of them. */
export function chooseSay(
  { by }: SourceSays,
  freshMs: number,
  nowMs: number,
): { readonly say: Say; readonly via: Via } | undefined {
  let newest: { readonly say: Say; readonly via: Via } | undefined;
  let newestMs = -Infinity;
  for (const via of VIAS) {
    const say = by[via];
    if (say?.accepted === undefined || say.repeated.isDisbelieved) continue;
    const { confirmedMs } = say.accepted;
    if (nowMs - confirmedMs <= freshMs) return { say, via };
    if (confirmedMs > newestMs) {
      newestMs = confirmedMs;
      newest = { say, via };
    }
  }
  return newest;
}

/** The earliest instant from now on at which one of its votes passes a limit of age. */
export function settledUntilMs({ by }: SourceSays, { freshMs, staleMs }: Freshness, nowMs: number): number {
  let untilMs = Infinity;
  for (const via of VIAS) {
    const accepted = by[via]?.accepted;
    if (accepted === undefined) continue;
    const fresh = accepted.confirmedMs + freshMs;
    const stale = accepted.confirmedMs + staleMs;
    if (fresh >= nowMs && fresh < untilMs) untilMs = fresh;
    else if (stale >= nowMs && stale < untilMs) untilMs = stale;
  }
  return untilMs;
}
