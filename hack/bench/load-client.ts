/**
 * HTTP load over raw sockets, cheap enough not to be the bottleneck: requests are bytes made beforehand, answers are
 * counted by scanning for their status lines. Any status but 200 ends the run with an error.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { systemClock } from '@weir/clock';
import { percentile } from './numbers.ts';
import { machineUs, STAMP_LINE, writeStamp } from './send-stamp.ts';

export interface Target {
  readonly port: number;
  /** Texts for the Authorization header, all of one length, taken in turn. */
  readonly keys: readonly string[];
}

export interface LoadResult {
  readonly answers: number;
  readonly seconds: number;
}

export interface LatencyResult extends LoadResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
  /** Between two turns of sending, 99th percentile: what is due meanwhile is sent as one burst. */
  readonly gapP99Ms: number;
}

/** One after the other, ready to be sent in runs. */
class Requests {
  readonly #bytes: Buffer;
  readonly #size: number;
  #next = 0;

  /** `lastLine`: of the headers, the same in all. */
  constructor(keys: readonly string[], places: number, lastLine = '') {
    const texts = keys.map(
      (key) => `GET /price?asset=BTC HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n${lastLine}\r\n`,
    );
    this.#size = texts[0]?.length ?? 0;
    if (texts.some(({ length }) => length !== this.#size)) throw new Error('keys of different lengths');
    // The first `places` once more at the end, so that every run of up to `places` is in one piece.
    const wrapped = Array.from({ length: places }, (_, index) => texts[index % texts.length] ?? '');
    this.#bytes = Buffer.from([...texts, ...wrapped].join(''), 'latin1');
    this.count = texts.length;
  }

  readonly count: number;

  take(many: number): Buffer {
    const start = this.#next;
    this.#next = (start + many) % this.count;
    return this.#bytes.subarray(start * this.#size, (start + many) * this.#size);
  }

  /** One that says when it was taken. */
  takeStamped(us: number): Buffer {
    const request = this.take(1);
    writeStamp(request, this.#size, us);
    return request;
  }
}

const STATUS_LINE = 'HTTP/1.1 ';
const OK = Buffer.from('200');
/** Of a status line up to and with its status. */
const MARK_LENGTH = STATUS_LINE.length + OK.length;

/** Counts the answers in what a socket receives, however it is cut. */
class Scanner {
  #rest: Buffer = Buffer.alloc(0);

  count(chunk: Buffer): number {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let answers = 0;
    let from = 0;
    for (;;) {
      const at = data.indexOf(STATUS_LINE, from, 'latin1');
      if (at === -1 || at + MARK_LENGTH > data.length) break;
      if (data.compare(OK, 0, OK.length, at + STATUS_LINE.length, at + MARK_LENGTH) !== 0) {
        throw new Error(`not 200: ${data.subarray(at, at + 600).toString('latin1')}`);
      }
      answers += 1;
      from = at + MARK_LENGTH;
    }
    // Shorter than a mark, so that nothing is counted twice.
    this.#rest = data.subarray(Math.max(from, data.length - MARK_LENGTH + 1));
    return answers;
  }
}

/** No encoding is set, so that chunks are bytes. */
const onBytes = (socket: Socket, take: (chunk: Buffer) => void): void =>
  void socket.on('data', (chunk) => take(chunk as Buffer));

async function openSockets(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect({ host: '127.0.0.1', port, noDelay: true }));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

export interface SaturationOptions extends Target {
  readonly connections: number;
  /** Requests in flight per connection. */
  readonly depth: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Runs when measuring begins and ends. */
  readonly onMeasure: (phase: 'begin' | 'end') => void;
}

/** As much as the server takes: every answer is followed by a request. */
export async function saturate(options: SaturationOptions): Promise<LoadResult> {
  const { connections, depth, warmUpMs, measureMs, onMeasure } = options;
  const requests = new Requests(options.keys, depth);
  const sockets = await openSockets(options.port, connections);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  let answers = 0;
  let isSending = true;
  const load = { inFlight: 0 };
  for (const socket of sockets) {
    const scanner = new Scanner();
    socket.on('error', reject);
    socket.on('close', () => load.inFlight > 0 && reject(new Error('the server closed a connection')));
    onBytes(socket, (chunk) => {
      try {
        const count = scanner.count(chunk);
        answers += count;
        load.inFlight -= count;
        if (isSending && count > 0) {
          load.inFlight += count;
          socket.write(requests.take(count));
        }
      } catch (err) {
        reject(err);
      }
    });
    load.inFlight += depth;
    socket.write(requests.take(depth));
  }
  const measure = async (): Promise<LoadResult> => {
    await pass(warmUpMs);
    const startMs = systemClock.monotonicMs();
    const before = answers;
    onMeasure('begin');
    await pass(measureMs);
    const result = { answers: answers - before, seconds: (systemClock.monotonicMs() - startMs) / 1_000 };
    onMeasure('end');
    isSending = false;
    while (load.inFlight > 0) await pass(5);
    return result;
  };
  try {
    return await Promise.race([measure(), failed]);
  } finally {
    for (const socket of sockets) socket.removeAllListeners('close').destroy();
  }
}

export interface PacingOptions extends Target {
  readonly connections: number;
  readonly perSecond: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Runs when measuring begins and ends. */
  readonly onMeasure: (phase: 'begin' | 'end') => void;
}

const STAMPED_PLACES = 4_096;
/** When the generator itself was held up, no more than what was due in such a time is sent as one burst. */
const BURST_US = 1_000;
/** The rest is made up for by gaps this much shorter, until the load is again what was asked for. */
const HASTE = 0.8;

/** Requests come as from many callers who know nothing of one another: the gaps are exponential (a Poisson process). */
const nextGapUs = (perSecond: number): number => (-Math.log(1 - Math.random()) * 1e6) / perSecond;

/**
 * Open loop: what is due is sent, whatever is still unanswered; latency is from the write to the answer. The loop never
 * sleeps, since a timer of 1 ms would send in lumps what is due in between, and lumps queue.
 */
export async function pace(options: PacingOptions): Promise<LatencyResult> {
  const { connections, perSecond, warmUpMs, measureMs, onMeasure } = options;
  const { keys } = options;
  // So many that none is written over before it has left.
  const places = Math.max(keys.length, STAMPED_PLACES);
  const requests = new Requests(
    Array.from({ length: places }, (_, index) => keys[index % keys.length] ?? ''),
    1,
    STAMP_LINE,
  );
  const sockets = await openSockets(options.port, connections);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const latenciesUs: number[] = [];
  const gapsUs: number[] = [];
  let isMeasuring = false;
  const load = { inFlight: 0 };
  const lanes = sockets.map((socket) => {
    const scanner = new Scanner();
    const sentUs: number[] = [];
    socket.on('error', reject);
    onBytes(socket, (chunk) => {
      try {
        const nowUs = machineUs();
        for (let count = scanner.count(chunk); count > 0; count -= 1) {
          const startUs = sentUs.shift() ?? nowUs;
          load.inFlight -= 1;
          if (isMeasuring) latenciesUs.push(nowUs - startUs);
        }
      } catch (err) {
        reject(err);
      }
    });
    return { socket, sentUs };
  });
  let sent = 0;
  let isSending = true;
  let turnUs = machineUs();
  let dueUs = turnUs;
  let owedUs = 0;
  const sendDue = (): void => {
    if (!isSending) return;
    const nowUs = machineUs();
    if (isMeasuring) gapsUs.push(nowUs - turnUs);
    turnUs = nowUs;
    owedUs += Math.max(0, nowUs - BURST_US - dueUs);
    dueUs = Math.max(dueUs, nowUs - BURST_US);
    while (dueUs <= nowUs) {
      const gapUs = nextGapUs(perSecond);
      const shorterUs = owedUs > 0 ? gapUs * HASTE : gapUs;
      owedUs -= gapUs - shorterUs;
      dueUs += shorterUs;
      const lane = lanes[sent % lanes.length];
      sent += 1;
      load.inFlight += 1;
      const us = machineUs();
      lane?.sentUs.push(us);
      lane?.socket.write(requests.takeStamped(us));
    }
    setImmediate(sendDue);
  };
  sendDue();
  const measure = async (): Promise<LatencyResult> => {
    await pass(warmUpMs);
    isMeasuring = true;
    const startMs = systemClock.monotonicMs();
    onMeasure('begin');
    await pass(measureMs);
    isMeasuring = false;
    const seconds = (systemClock.monotonicMs() - startMs) / 1_000;
    onMeasure('end');
    isSending = false;
    while (load.inFlight > 0) await pass(5);
    const sorted = Float64Array.from(latenciesUs).toSorted();
    const at = (share: number): number => percentile(sorted, share) / 1_000;
    const gapP99Ms = percentile(Float64Array.from(gapsUs).toSorted(), 0.99) / 1_000;
    return { answers: latenciesUs.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1), gapP99Ms };
  };
  try {
    return await Promise.race([measure(), failed]);
  } finally {
    isSending = false;
    for (const socket of sockets) socket.destroy();
  }
}

const pass = (ms: number): Promise<void> => new Promise((resolve) => void systemClock.setTimeout(resolve, ms));
