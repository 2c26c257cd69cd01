/**
 * What is wanted of a venue, what it has confirmed, and what to ask next. One of these per connector; no I/O, no clock.
 * The standings are changed in place, because a venue may answer symbol by symbol and a copy for each of 10,000 answers
 * is a minute of CPU: of the states of a connector only the newest is to be read.
 *
 * The wanted symbols are the truth and are asked for in chunks, one request at a time: an answer that names nobody can
 * then only mean the open request. If it confirms, it confirms what of the request nobody has refused; if it refuses, the
 * request is halved and asked again until one symbol is left, which is the culprit. A culprit, named or found, is
 * refused: not asked for during 10 minutes, doubling up to a day, and then alone, so that it cannot spoil others. A
 * symbol without an answer is asked again at the next reconciliation; silence for a second time counts as a refusal.
 */
import type { SubscribedEvent, RejectedEvent } from '@weir/venues';

export interface SymbolStanding {
  /** `probing`: refused before, and asked for again. */
  readonly state: 'wanted' | 'subscribed' | 'refused' | 'probing';
  /** Refusals in a row. */
  readonly strikes: number;
  /** Requests in a row without an answer. */
  readonly silences: number;
  /** Of a refused one: when it is asked for again. */
  readonly retryAtMs: number;
  /** Of a refused one: the venue's words. */
  readonly reason: string;
}

export interface SubscribeRequest {
  readonly id: number;
  readonly symbols: readonly string[];
}

interface OpenRequest {
  readonly id: number;
  /** Not answered yet. */
  readonly pending: readonly string[];
  readonly deadlineMs: number;
  /** A culprit was named in it; what is left without an answer was spoiled by it. */
  readonly isSpoiled: boolean;
}

export interface Subscriptions {
  readonly symbols: Map<string, SymbolStanding>;
  readonly queue: readonly (readonly string[])[];
  readonly open: OpenRequest | undefined;
  readonly nextRequestId: number;
  /** No refused symbol is due before; the exact time is `earliestRetryMs`. */
  readonly noRetryBeforeMs: number;
}

/** Told once when a symbol becomes refused and once when it is accepted again, however often it is asked for between. */
export interface SymbolNotice {
  readonly kind: 'refused' | 'accepted';
  readonly symbol: string;
  readonly reason: string;
}

export interface SubscriptionChange {
  readonly subscriptions: Subscriptions;
  readonly notices: readonly SymbolNotice[];
}

const QUARANTINE_MS_MIN = 600_000;
const QUARANTINE_MS_MAX = 86_400_000;
/** How long the rest of a request with a named culprit may take. */
const SPOILED_MS = 1_000;
const SILENCES_MAX = 2;

const WANTED: SymbolStanding = { state: 'wanted', strikes: 0, silences: 0, retryAtMs: 0, reason: '' };
const SUBSCRIBED: SymbolStanding = { ...WANTED, state: 'subscribed' };

export function createSubscriptions(symbols: readonly string[]): Subscriptions {
  return {
    symbols: new Map(symbols.map((symbol) => [symbol, WANTED])),
    queue: [],
    open: undefined,
    nextRequestId: 1,
    noRetryBeforeMs: Infinity,
  };
}

/** The same standings for a second connection; what it changes in them, it changes for itself. */
export function forkSubscriptions(subscriptions: Subscriptions): Subscriptions {
  return { ...subscriptions, symbols: new Map(subscriptions.symbols), queue: [], open: undefined };
}

/** A new connection knows nothing: everything is wanted again, save what is refused and not yet due. */
export function beginSubscribing(subscriptions: Subscriptions, nowMs: number, chunkSize: number): Subscriptions {
  const { symbols } = subscriptions;
  for (const [symbol, standing] of symbols) {
    if (standing.state === 'subscribed') symbols.set(symbol, { ...standing, state: 'wanted' });
    // The question went down with its connection.
    if (standing.state === 'probing') symbols.set(symbol, { ...standing, state: 'refused', retryAtMs: nowMs });
  }
  const queue = chunks(symbolsIn(symbols, 'wanted'), chunkSize);
  return queueDue({ ...subscriptions, queue, open: undefined, noRetryBeforeMs: nowMs }, nowMs);
}

/** Asks again for refused symbols whose time has come. */
export function queueDue(subscriptions: Subscriptions, nowMs: number): Subscriptions {
  if (nowMs < subscriptions.noRetryBeforeMs) return subscriptions;
  const { symbols } = subscriptions;
  const queue = [...subscriptions.queue];
  for (const [symbol, standing] of symbols) {
    if (standing.state !== 'refused' || standing.retryAtMs > nowMs) continue;
    symbols.set(symbol, { ...standing, state: 'probing' });
    queue.push([symbol]);
  }
  return { ...subscriptions, queue, noRetryBeforeMs: earliestRetryMs(subscriptions) };
}

/** Opens the next request, if none is open and something waits. */
export function nextRequest(
  subscriptions: Subscriptions,
  deadlineMs: number,
): { readonly subscriptions: Subscriptions; readonly request: SubscribeRequest } | undefined {
  if (subscriptions.open !== undefined) return undefined;
  for (const [index, chunk] of subscriptions.queue.entries()) {
    const pending = chunk.filter((symbol) => isAwaited(subscriptions, symbol));
    if (pending.length === 0) continue;
    const id = subscriptions.nextRequestId;
    const open = { id, pending, deadlineMs, isSpoiled: false };
    const queue = subscriptions.queue.slice(index + 1);
    return {
      subscriptions: { ...subscriptions, queue, open, nextRequestId: id + 1 },
      request: { id, symbols: pending },
    };
  }
  return undefined;
}

/** Nothing is on its way and nothing waits to be asked. */
export function isSettled(subscriptions: Subscriptions): boolean {
  const { open, queue } = subscriptions;
  return open === undefined && !queue.some((chunk) => chunk.some((symbol) => isAwaited(subscriptions, symbol)));
}

/** A venue that answers to nothing at all; one that answers to some symbols is left to `expireRequest`. */
export function isUnanswered({ open, symbols }: Subscriptions, nowMs: number): boolean {
  if (open === undefined || open.isSpoiled || nowMs < open.deadlineMs) return false;
  return symbolsIn(symbols, 'subscribed').length === 0;
}

function isAwaited({ symbols }: Subscriptions, symbol: string): boolean {
  const state = symbols.get(symbol)?.state;
  return state === 'wanted' || state === 'probing';
}

export function acknowledge(subscriptions: Subscriptions, ack: SubscribedEvent): SubscriptionChange {
  const acked = new Set(namedBy(subscriptions, ack));
  const { symbols } = subscriptions;
  const notices: SymbolNotice[] = [];
  for (const symbol of acked) {
    const standing = symbols.get(symbol);
    if (standing === undefined) continue;
    if (standing.strikes > 0) notices.push({ kind: 'accepted', symbol, reason: standing.reason });
    symbols.set(symbol, SUBSCRIBED);
  }
  if (ack.complete) {
    for (const symbol of symbolsIn(symbols, 'subscribed')) if (!acked.has(symbol)) symbols.set(symbol, WANTED);
  }
  return { subscriptions: { ...subscriptions, open: answer(subscriptions.open, acked) }, notices };
}

/**
 * What an ack confirms. One that names its request alone means what of it is not answered yet: a symbol that was refused
 * before stays so. Another request than the open one has been asked again or given up.
 */
function namedBy({ open }: Subscriptions, { symbols, complete, requestId }: SubscribedEvent): readonly string[] {
  const isOfRequest = symbols.length === 0 && !complete && requestId !== undefined;
  return isOfRequest && requestId === open?.id ? open.pending : symbols;
}

/** `nowMs` starts the quarantine. */
export function refuse(subscriptions: Subscriptions, rejection: RejectedEvent, nowMs: number): SubscriptionChange {
  const named = rejection.symbols.filter((symbol) => subscriptions.symbols.has(symbol));
  if (named.length > 0) return refuseNamed(subscriptions, named, rejection.reason, nowMs);
  const { open } = subscriptions;
  if (open === undefined || (rejection.requestId ?? open.id) !== open.id) return { subscriptions, notices: [] };
  const closed = { ...subscriptions, open: undefined };
  if (open.pending.length === 1) return quarantine(closed, open.pending, rejection.reason, nowMs);
  const halves = chunks(open.pending, Math.ceil(open.pending.length / 2));
  return { subscriptions: { ...closed, queue: [...halves, ...subscriptions.queue] }, notices: [] };
}

function refuseNamed(
  subscriptions: Subscriptions,
  named: readonly string[],
  reason: string,
  nowMs: number,
): SubscriptionChange {
  // A venue that complains once per channel is heard once.
  const culprits = named.filter((symbol) => subscriptions.symbols.get(symbol)?.state !== 'refused');
  const rest = answer(subscriptions.open, new Set(culprits));
  const isSpoiled = rest !== undefined && rest !== subscriptions.open;
  const deadlineMs = Math.min(rest?.deadlineMs ?? 0, nowMs + SPOILED_MS);
  const open = isSpoiled ? { ...rest, deadlineMs, isSpoiled } : rest;
  return quarantine({ ...subscriptions, open }, culprits, reason, nowMs);
}

/** Gives up on the open request once its deadline has passed. */
export function expireRequest(subscriptions: Subscriptions, nowMs: number): SubscriptionChange {
  const { open } = subscriptions;
  if (open === undefined || nowMs < open.deadlineMs) return { subscriptions, notices: [] };
  const closed = { ...subscriptions, open: undefined };
  if (open.isSpoiled) {
    return { subscriptions: { ...closed, queue: [open.pending, ...subscriptions.queue] }, notices: [] };
  }
  const { symbols } = subscriptions;
  const silent: string[] = [];
  for (const symbol of open.pending) {
    const standing = symbols.get(symbol) ?? WANTED;
    symbols.set(symbol, { ...standing, silences: standing.silences + 1 });
    if (standing.state === 'probing' || standing.silences + 1 >= SILENCES_MAX) silent.push(symbol);
  }
  return quarantine(closed, silent, 'no answer to the subscription', nowMs);
}

/** Asks again for what is wanted but neither confirmed nor on its way, and for what no longer shows signs of life. */
export function reconcile(subscriptions: Subscriptions, unproven: readonly string[], chunkSize: number): Subscriptions {
  const { symbols } = subscriptions;
  for (const symbol of unproven) if (symbols.get(symbol)?.state === 'subscribed') symbols.set(symbol, WANTED);
  const onTheirWay = new Set([...subscriptions.queue.flat(), ...(subscriptions.open?.pending ?? [])]);
  const missing = symbolsIn(symbols, 'wanted').filter((symbol) => !onTheirWay.has(symbol));
  return { ...subscriptions, queue: [...subscriptions.queue, ...chunks(missing, chunkSize)] };
}

/** When the first refused symbol is to be asked for again; Infinity when none is refused. */
export function earliestRetryMs({ symbols }: Subscriptions): number {
  let earliest = Infinity;
  for (const { state, retryAtMs } of symbols.values()) {
    if (state === 'refused' && retryAtMs < earliest) earliest = retryAtMs;
  }
  return earliest;
}

export function symbolsIn(
  symbols: ReadonlyMap<string, SymbolStanding>,
  state: SymbolStanding['state'],
): readonly string[] {
  return [...symbols].filter(([, standing]) => standing.state === state).map(([symbol]) => symbol);
}

function quarantine(
  subscriptions: Subscriptions,
  culprits: readonly string[],
  reason: string,
  nowMs: number,
): SubscriptionChange {
  const { symbols } = subscriptions;
  let { noRetryBeforeMs } = subscriptions;
  const notices: SymbolNotice[] = [];
  for (const symbol of culprits) {
    const strikes = (symbols.get(symbol)?.strikes ?? 0) + 1;
    const quarantineMs = Math.min(QUARANTINE_MS_MAX, QUARANTINE_MS_MIN * 2 ** (strikes - 1));
    symbols.set(symbol, { state: 'refused', strikes, silences: 0, retryAtMs: nowMs + quarantineMs, reason });
    noRetryBeforeMs = Math.min(noRetryBeforeMs, nowMs + quarantineMs);
    if (strikes === 1) notices.push({ kind: 'refused', symbol, reason });
  }
  return { subscriptions: { ...subscriptions, noRetryBeforeMs }, notices };
}

/** The request without the answered symbols; `undefined` when nothing is left of it. */
function answer(open: OpenRequest | undefined, answered: ReadonlySet<string>): OpenRequest | undefined {
  if (open?.pending.some((symbol) => answered.has(symbol)) !== true) return open;
  const pending = open.pending.filter((symbol) => !answered.has(symbol));
  return pending.length === 0 ? undefined : { ...open, pending };
}

function chunks(symbols: readonly string[], size: number): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(symbols.length / size) }, (_, index) =>
    symbols.slice(index * size, (index + 1) * size),
  );
}
