/**
 * A datagram's way to its answer: the hot path of UDP. Nothing is awaited while session and key are in memory, a lease is
 * in hand and the price is current. What cannot prove that it comes from a session gets no answer, nor does what came too
 * late, too early or before; who has proved it is told why it gets no price, in a few bytes.
 */
import type { RemoteInfo } from 'node:dgram';
import { errorCatalogue } from '@weir/errors';
import type { ProblemSource } from '@weir/http';
import type { Decision, Limiter } from '@weir/limiter';
import type { Logger, Tracing } from '@weir/telemetry';
import { isSignedBy, macWord, parseDatagram, TOLERANCE_MS, type ReplayWindow, type UdpRequest } from '@weir/udp';
import type { AuthorizeHash } from './authorize.ts';
import type { PriceMetrics } from './metrics.ts';
import { findOnDemand, type OnDemandAssets } from './on-demand.ts';
import type { Access } from './policy-directory.ts';
import { countDecision, UNLIMITED } from './price-api.ts';
import type { PriceTable, Slot } from './price-table.ts';
import type { PriceReader } from './read-price.ts';
import { Refusal } from './refusal.ts';
import { ageMsOf, countTier, findSlot, renderFetched, renderPrice } from './render-price.ts';
import type { UdpMetrics } from './udp-metrics.ts';
import type { UdpSession, UdpSessions } from './udp-sessions.ts';

export interface DatagramParts {
  readonly sessions: UdpSessions;
  readonly replays: ReplayWindow;
  readonly authorize: AuthorizeHash;
  readonly limiter: Pick<Limiter, 'decide'>;
  readonly table: PriceTable;
  readonly reader: Pick<PriceReader, 'check'>;
  readonly onDemand: Pick<OnDemandAssets, 'find'>;
  readonly metrics: PriceMetrics;
  readonly udp: UdpMetrics;
  readonly tracing: Tracing;
  readonly logger: Logger;
  readonly serverTimeMs: () => number;
  /** False when the answer would be longer than its request allows. */
  readonly send: (text: string, sender: RemoteInfo, requestBytes: number) => boolean;
}

export interface DatagramAnswerer {
  take(bytes: Buffer, sender: RemoteInfo): void;
  /** How many wait for Valkey. */
  readonly waiting: number;
}

/** Beyond this, datagrams that would have to wait are dropped. */
const WAITING_MAX = 4_096;
const SERVER_SPAN = { kind: 'server' } as const;

interface Datagram {
  readonly bytes: Buffer;
  readonly sender: RemoteInfo;
  readonly request: UdpRequest;
}

type Ending = void | Promise<void>;

export function createDatagramAnswerer(parts: DatagramParts): DatagramAnswerer {
  const { sessions, udp, serverTimeMs } = parts;
  const path = createPath(parts);
  let waiting = 0;

  const find = (datagram: Datagram): Ending => {
    const session = sessions.held(datagram.request.session);
    if (session !== undefined) return path(datagram, session);
    const finding = sessions.find(datagram.request.session);
    if (finding === undefined) return udp.ignored.session.add();
    return finding.then((found) => (found === undefined ? udp.ignored.session.add() : path(datagram, found)));
  };

  const complain = createComplaints(parts);
  // A datagram that shows a fault of the program is one without an answer, and not the end of the process.
  const begin = (datagram: Datagram): Ending => {
    try {
      return find(datagram)?.catch(complain);
    } catch (err) {
      complain(err);
    }
  };

  return {
    get waiting() {
      return waiting;
    },
    take(bytes, sender) {
      const request = parseDatagram(bytes);
      if (request === undefined) return udp.ignored.malformed.add();
      if (Math.abs(request.unixMs - serverTimeMs()) > TOLERANCE_MS) return udp.ignored.skewed.add();
      if (waiting >= WAITING_MAX) return udp.ignored.busy.add();
      const ending = begin({ bytes, sender, request });
      if (ending === undefined) return;
      waiting += 1;
      void ending.finally(() => (waiting -= 1));
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
  /** A venue was asked for it. */
  readonly isFetched: boolean;
}

type Answer = (datagram: Datagram, access: Access, found: Found) => void;
type Refuse = (datagram: Datagram, problem: ProblemSource) => void;

/** The two ways in which it ends. */
function createEndings({ metrics, udp, send }: DatagramParts): { readonly answer: Answer; readonly refuse: Refuse } {
  const refuse: Refuse = ({ bytes, sender }, { code }) => {
    const { status } = errorCatalogue[code];
    (status >= 500 ? udp.refused5xx : udp.refused4xx).add();
    send(`{"code":${status},"error":"${code}"}`, sender, bytes.length);
  };

  const answer: Answer = (datagram, access, { slot, ageMs, isFetched }) => {
    const body = (isFetched ? renderFetched : renderPrice)(slot, access, ageMs, metrics);
    if (body instanceof Refusal) return refuse(datagram, body.problem);
    const { bytes, sender } = datagram;
    if (send(body, sender, bytes.length)) return udp.answered.add();
    udp.refused4xx.add();
    const needed = Math.ceil(Buffer.byteLength(body) / 2);
    send(`{"code":413,"error":"BODY_TOO_LARGE","request_bytes":${needed}}`, sender, bytes.length);
  };
  return { answer, refuse };
}

/** A price from memory, or from where it has to be waited for. */
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
    const check = reader.check(slot, ageMs);
    if (check === undefined) {
      countTier(metrics, slot, record);
      return answer(datagram, access, { slot, ageMs, isFetched: false });
    }
    return check.then((isFetched) => {
      countTier(metrics, slot, record, isFetched);
      answer(datagram, access, { slot, ageMs: ageMsOf(slot, serverTimeMs()), isFetched });
    });
  };
}

function createPath(parts: DatagramParts): (datagram: Datagram, session: UdpSession) => Ending {
  const { replays, authorize, limiter, table, onDemand, metrics, udp, tracing, serverTimeMs } = parts;
  const { answer, refuse } = createEndings(parts);
  const read = createReading(parts, answer);

  const pass = (datagram: Datagram, access: Access, slot: Slot, decision: Decision): Ending => {
    countDecision(metrics, decision);
    if (decision.admitted) return read(datagram, access, slot);
    if (decision.limit !== 'bucket') return refuse(datagram, { code: 'LIMITER_UNAVAILABLE' });
    udp.refused4xx.add();
    parts.send(`{"code":429,"retry_ms":${Math.ceil(decision.retryAfterMs)}}`, datagram.sender, datagram.bytes.length);
  };

  const charge = (datagram: Datagram, access: Access, slot: Slot | Refusal): Ending => {
    if (slot instanceof Refusal) return refuse(datagram, slot.problem);
    const decision = access.decide === undefined ? UNLIMITED : limiter.decide(access.decide);
    if (!(decision instanceof Promise)) return pass(datagram, access, slot, decision);
    return decision.then((late) => pass(datagram, access, slot, late));
  };

  const decide = (datagram: Datagram, session: UdpSession, access: Access | Refusal): Ending => {
    if (access instanceof Refusal) return refuse(datagram, access.problem);
    if (access.keyId !== session.keyId) return refuse(datagram, { code: 'KEY_UNKNOWN' });
    const { asset } = datagram.request;
    const slot = findSlot(table, asset, access);
    const finding = slot instanceof Refusal ? findOnDemand(onDemand, asset, access, slot) : undefined;
    if (finding === undefined) return charge(datagram, access, slot);
    return finding.then((found) => charge(datagram, access, found));
  };

  const admit = (datagram: Datagram, session: UdpSession): Ending => {
    const access = authorize(session.sha256);
    if (!(access instanceof Promise)) return decide(datagram, session, access);
    return access.then((late) => decide(datagram, session, late));
  };

  return (datagram, session) => {
    const { bytes, request } = datagram;
    const serverNowMs = serverTimeMs();
    if (session.expiresAtMs <= serverNowMs) return udp.ignored.session.add();
    if (!isSignedBy(session.key, bytes, request)) return udp.ignored.hmac.add();
    if (!replays.admit(request.unixMs, serverNowMs, macWord(bytes, request, 0), macWord(bytes, request, 8)))
      return udp.ignored.replay.add();
    return traced(tracing, request.traceparent, () => admit(datagram, session));
  };
}

/** The traceparent of the datagram decides when there is one, else chance; without a span there is nothing to end. */
function traced(tracing: Tracing, parent: string | undefined, handle: () => Ending): Ending {
  const span = tracing.start('UDP price', parent === undefined ? SERVER_SPAN : { parent, kind: 'server' });
  if (span === undefined) return handle();
  const ending = span.run(handle);
  return ending === undefined ? span.end() : ending.finally(() => span.end());
}
