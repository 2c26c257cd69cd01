/**
 * A datagram's way to its answer: the hot path of UDP. Nothing is awaited while session and key are in memory, a lease is
 * in hand and the price is current. What cannot prove that it comes from a session gets no answer, nor does what came too
 * late, too early or before; who has proved it is told why it gets no price, in a few bytes.
 */
import type { RemoteInfo } from 'node:dgram';
import { errorCatalogue } from '@weir/errors';
import type { ProblemSource } from '@weir/http';
import type { Decision, Limiter } from '@weir/limiter';
import type { HotCounter, Logger, Tracing } from '@weir/telemetry';
import { ANSWER_FACTOR_MAX, isSignedBy, parseDatagram, TOLERANCE_MS, type ReplayWindow, type Sending } from '@weir/udp';
import { priceJson } from '@weir/wire';
import type { AuthorizeHash } from './authorize.ts';
import { createReplayGuard, mark, type Markable, type ReplayGuard } from './guard-replays.ts';
import type { PriceMetrics } from './metrics.ts';
import { findOnDemand, type OnDemandAssets } from './on-demand.ts';
import type { Access } from './policy-directory.ts';
import { countDecision, UNLIMITED } from './price-api.ts';
import { headOf, type PriceTable, type Slot } from './price-table.ts';
import type { PriceReader } from './read-price.ts';
import { Refusal } from './refusal.ts';
import { ageMsOf, countTier, findSlot, renderPrice } from './render-price.ts';
import type { UdpMetrics } from './udp-metrics.ts';
import type { UdpSession, UdpSessions } from './udp-sessions.ts';

export interface DatagramParts {
  readonly sessions: UdpSessions;
  readonly replays: ReplayWindow;
  readonly authorize: AuthorizeHash;
  readonly limiter: Pick<Limiter, 'decide'>;
  readonly table: PriceTable;
  readonly reader: Pick<PriceReader, 'glance' | 'mayFetch'>;
  readonly onDemand: Pick<OnDemandAssets, 'find'>;
  readonly metrics: PriceMetrics;
  readonly udp: UdpMetrics;
  readonly tracing: Tracing;
  readonly logger: Logger;
  readonly serverTimeMs: () => number;
  readonly send: (text: string, sender: RemoteInfo, requestBytes: number) => Sending;
}

export interface DatagramAnswerer {
  take(bytes: Buffer, sender: RemoteInfo): void;
  /** How many wait for Valkey, or for what is not known of a key. */
  readonly waiting: number;
}

/** Beyond this, only sessions that have none waiting may have one more wait. */
const WAITING_MAX = 4_096;
/** Beyond this, a session's datagrams are dropped until some of them have been answered. */
const SESSION_WAITING_MAX = 64;
/** Of those whose session is looked for. */
const SEARCHING_MAX = 4_096;
/** For who was told that there is no price, while a venue is being asked for it. */
const FETCH_RETRY_MS = 500;
/** What is appended to the head of a price is no longer. */
const TAIL_BYTES_MAX = priceJson('', false, 999_999_999_999, 'fresh').length;
const SERVER_SPAN = { kind: 'server' } as const;

interface Datagram extends Markable {
  readonly sender: RemoteInfo;
  /** Others may have come between its look for replays and its charge. */
  hasWaited: boolean;
}

type Ending = void | Promise<void>;

export function createDatagramAnswerer(parts: DatagramParts): DatagramAnswerer {
  const { sessions, udp, serverTimeMs } = parts;
  const waits = { count: 0 };
  const path = createPath(parts, waits);
  let searching = 0;

  const search = (datagram: Datagram): Ending => {
    if (searching >= SEARCHING_MAX) return udp.ignored.busy.add();
    const finding = sessions.find(datagram.request.session);
    if (finding === undefined) return udp.ignored.session.add();
    searching += 1;
    return finding
      .finally(() => (searching -= 1))
      .then((found) => (found === undefined ? udp.ignored.session.add() : path(datagram, found)));
  };

  const complain = createComplaints(parts);
  // A datagram that shows a fault of the program is one without an answer, and not the end of the process.
  const begin = (datagram: Datagram): void => {
    try {
      const session = sessions.held(datagram.request.session);
      const ending = session === undefined ? search(datagram) : path(datagram, session);
      ending?.catch(complain);
    } catch (err) {
      complain(err);
    }
  };

  return {
    get waiting() {
      return waits.count + searching;
    },
    take(bytes, sender) {
      const request = parseDatagram(bytes);
      if (request === undefined) return udp.ignored.malformed.add();
      if (Math.abs(request.unixMs - serverTimeMs()) > TOLERANCE_MS) return udp.ignored.skewed.add();
      begin({ bytes, sender, request, high: 0, low: 0, hasWaited: false });
    },
  };
}

/** A fault of the program, in one line a second at most: what arrives from anywhere must not fill the log. */
function createComplaints({ logger, serverTimeMs }: DatagramParts): (err: unknown) => void {
  let loggedMs = Number.NEGATIVE_INFINITY;
  let suppressed = 0;
  return (err) => {
    const nowMs = serverTimeMs();
    if (Math.abs(nowMs - loggedMs) < 1_000) {
      suppressed += 1;
      return;
    }
    logger.error({ err, suppressed }, 'a datagram could not be answered');
    loggedMs = nowMs;
    suppressed = 0;
  };
}

interface Found {
  readonly slot: Slot;
  readonly ageMs: number;
}

type Answer = (datagram: Datagram, access: Access, found: Found) => void;
type Refuse = (datagram: Datagram, problem: ProblemSource, retryMs?: number) => void;

interface Endings {
  readonly answer: Answer;
  readonly refuse: Refuse;
  /** Its price needs a datagram of so many bytes. */
  readonly refuseShort: (datagram: Datagram, requestBytes: number) => void;
  readonly refuseLate: (datagram: Datagram, retryMs: number) => void;
}

/** The ways in which it ends. Only what was sent counts as answered. */
function createEndings({ metrics, reader, udp, send }: DatagramParts): Endings {
  const refuseWith = ({ bytes, sender }: Datagram, counter: HotCounter, text: string): void => {
    if (send(text, sender, bytes.length) === 'sent') counter.add();
  };

  const refuse: Refuse = (datagram, { code }, retryMs) => {
    const { status } = errorCatalogue[code];
    const retry = retryMs === undefined ? '' : `,"retry_ms":${retryMs}`;
    const counter = status >= 500 ? udp.refused5xx : udp.refused4xx;
    refuseWith(datagram, counter, `{"code":${status},"error":"${code}"${retry}}`);
  };

  const refuseShort = (datagram: Datagram, requestBytes: number): void =>
    refuseWith(datagram, udp.refused4xx, `{"code":413,"error":"BODY_TOO_LARGE","request_bytes":${requestBytes}}`);

  const answer: Answer = (datagram, access, { slot, ageMs }) => {
    const body = renderPrice(slot, access, ageMs, metrics);
    if (body instanceof Refusal)
      return refuse(datagram, body.problem, reader.mayFetch(slot, ageMs) ? FETCH_RETRY_MS : undefined);
    const { bytes, sender } = datagram;
    const sending = send(body, sender, bytes.length);
    if (sending === 'sent') udp.answered.add();
    // It came longer while it was waited for.
    if (sending === 'too long') refuseShort(datagram, requestBytesOf(Buffer.byteLength(body)));
  };

  const refuseLate = (datagram: Datagram, retryMs: number): void =>
    refuseWith(datagram, udp.refused4xx, `{"code":429,"retry_ms":${Math.ceil(retryMs)}}`);
  return { answer, refuse, refuseShort, refuseLate };
}

const requestBytesOf = (answerBytes: number): number => Math.ceil(answerBytes / ANSWER_FACTOR_MAX);

/** How long a datagram the price in memory needs, whatever its age. */
function requestBytesFor(slot: Slot): number {
  if (slot.record === undefined) return 0;
  return requestBytesOf(headOf(slot, slot.record).length + slot.headExtraBytes + TAIL_BYTES_MAX);
}

/** A price from memory or Valkey. A venue is asked for the next datagram: this one's sender may not wait so long. */
function createReading(
  parts: DatagramParts,
  answer: Answer,
): (datagram: Datagram, access: Access, slot: Slot) => Ending {
  const { reader, metrics, serverTimeMs } = parts;
  return (datagram, access, slot) => {
    const { record } = slot;
    const serverNowMs = serverTimeMs();
    slot.lastAskedMs = serverNowMs;
    const ageMs = ageMsOf(slot, serverNowMs);
    const check = reader.glance(slot, ageMs);
    if (check === undefined) {
      countTier(metrics, slot, record);
      return answer(datagram, access, { slot, ageMs });
    }
    return check.then(() => {
      countTier(metrics, slot, record);
      answer(datagram, access, { slot, ageMs: ageMsOf(slot, serverTimeMs()) });
    });
  };
}

type Path = (datagram: Datagram, session: UdpSession) => Ending;

function createPath(parts: DatagramParts, waits: { count: number }): Path {
  const { authorize, udp, tracing, serverTimeMs } = parts;
  const replayed = createReplayGuard(parts);
  const decide = createDecision(parts, replayed);

  const admit = (datagram: Datagram, session: UdpSession): Ending => {
    const access = authorize(session.sha256);
    if (!(access instanceof Promise)) return decide(datagram, session, access);
    datagram.hasWaited = true;
    return access.then((late) => decide(datagram, session, late));
  };

  return (datagram, session) => {
    const { bytes, request } = datagram;
    if (session.expiresAtMs <= serverTimeMs()) return udp.ignored.session.add();
    if (!isSignedBy(session.key, bytes, request)) return udp.ignored.hmac.add();
    mark(datagram);
    if (replayed.of(datagram)) return;
    if (session.waiting >= SESSION_WAITING_MAX || (session.waiting > 0 && waits.count >= WAITING_MAX))
      return udp.ignored.busy.add();
    const ending = traced(tracing, request.traceparent, () => admit(datagram, session));
    if (ending === undefined) return;
    session.waiting += 1;
    waits.count += 1;
    return ending.finally(() => {
      session.waiting -= 1;
      waits.count -= 1;
    });
  };
}

type Decide = (datagram: Datagram, session: UdpSession, access: Access | Refusal) => Ending;

/** From a key to the end: what may be asked for, and what the limits say. */
function createDecision(parts: DatagramParts, replayed: ReplayGuard): Decide {
  const { limiter, table, onDemand, metrics } = parts;
  const { answer, refuse, refuseShort, refuseLate } = createEndings(parts);
  const read = createReading(parts, answer);

  const pass = (datagram: Datagram, access: Access, slot: Slot, decision: Decision): Ending => {
    countDecision(metrics, decision);
    if (decision.admitted) {
      replayed.keep(datagram);
      return read(datagram, access, slot);
    }
    if (decision.limit !== 'bucket') return refuse(datagram, { code: 'LIMITER_UNAVAILABLE' });
    refuseLate(datagram, decision.retryAfterMs);
  };

  const charge = (datagram: Datagram, access: Access, slot: Slot | Refusal): Ending => {
    if (slot instanceof Refusal) return refuse(datagram, slot.problem);
    const requestBytes = requestBytesFor(slot);
    if (requestBytes > datagram.bytes.length) return refuseShort(datagram, requestBytes);
    if (datagram.hasWaited && replayed.of(datagram)) return;
    const decision = access.decide === undefined ? UNLIMITED : limiter.decide(access.decide);
    if (!(decision instanceof Promise)) return pass(datagram, access, slot, decision);
    const letGo = replayed.hold(datagram);
    return decision.then((late) => pass(datagram, access, slot, late)).finally(letGo);
  };

  return (datagram, session, access) => {
    if (access instanceof Refusal) return refuse(datagram, access.problem);
    if (access.keyId !== session.keyId) return refuse(datagram, { code: 'KEY_UNKNOWN' });
    const { asset } = datagram.request;
    const slot = findSlot(table, asset, access);
    const finding = slot instanceof Refusal ? findOnDemand(onDemand, asset, access, slot) : undefined;
    if (finding === undefined) return charge(datagram, access, slot);
    datagram.hasWaited = true;
    return finding.then((found) => charge(datagram, access, found));
  };
}

/** The traceparent of the datagram decides when there is one, else chance; without a span there is nothing to end. */
function traced(tracing: Tracing, parent: string | undefined, handle: () => Ending): Ending {
  const span = tracing.start('UDP price', parent === undefined ? SERVER_SPAN : { parent, kind: 'server' });
  if (span === undefined) return handle();
  const ending = span.run(handle);
  return ending === undefined ? span.end() : ending.finally(() => span.end());
}
