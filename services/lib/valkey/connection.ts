/**
 * One connection to one server, kept up for as long as it is open: the only place that knows ioredis.
 *
 * What is sent goes out once: nothing waits for a connection, and what was in flight when one breaks is rejected, never
 * sent again. All commands of one turn of the event loop leave in one write. A connection counts as up only after the
 * server has said who it is, and is dropped when it stops answering, so that a silent network heals too.
 */
import type { Socket } from 'node:net';

import type { Clock, Timer } from '@weir/clock';
import type { WeirError } from '@weir/errors';
import type { Logger } from '@weir/telemetry';
import { Redis } from 'ioredis';

import { classifyError, type ReplyError } from './reply-errors.ts';
import { INFO_SECTIONS, parseServerInfo, type ServerInfo } from './server-info.ts';
import { tlsOptions, type ValkeyTarget } from './target.ts';

export interface ConnectionOptions {
  readonly target: ValkeyTarget;
  /** "decide", "bulk" or "subscribe": for logs. */
  readonly purpose: string;
  readonly clientName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Runs before anything can be sent. `undefined`: the ACL denies INFO. */
  onUp(info: ServerInfo | undefined): void;
  onDown(): void;
  /** The server has turned the login down. */
  onRefused(error: Error): void;
}

const CONNECT_DEADLINE_MS = 2_000;
const PING_PERIOD_MS = 1_000;
/** A connection whose handshake or PING has no answer for so long is given up. */
const SILENCE_MS_MAX = 3_000;
const READY_POLL_MS = 100;
const RECONNECT_MS_MIN = 25;
const RECONNECT_MS_MAX = 500;

/** Doubles from 25 to 500 ms, of which the upper half is left to chance, so that pods do not come back in step. */
export function reconnectDelayMs(attempt: number, random: () => number): number {
  const fullMs = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** Math.min(attempt - 1, 10));
  return Math.ceil(fullMs * (0.5 + random() / 2));
}

/** Its type is left to inference: naming it makes the compiler compare all commands of two Redis types, for seconds. */
function createRedis({ target, purpose, clientName, random }: ConnectionOptions) {
  const tls = tlsOptions(target);
  return new Redis({
    host: target.host,
    port: target.port,
    db: target.database ?? 0,
    ...(target.username !== undefined && { username: target.username }),
    ...(target.password !== undefined && { password: target.password }),
    ...(tls !== undefined && { tls }),
    connectionName: `${clientName}:${purpose}`,
    disableClientInfo: true,
    // The plain shape of replies, the same from every server and through every proxy.
    protocol: 2,
    // Never sent later, never sent twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A replica answers after a failover behind one address: look the address up again; the command is not repeated.
    reconnectOnError: (err) => err.message.startsWith('READONLY'),
    retryStrategy: (attempt) => reconnectDelayMs(attempt, random),
    connectTimeout: CONNECT_DEADLINE_MS,
    disconnectTimeout: 50,
    // Done below, with the ACL and the identity in view.
    enableReadyCheck: false,
    autoResubscribe: false,
  });
}

/** `undefined` when the ACL denies INFO. */
async function readServerInfo(redis: Redis): Promise<ServerInfo | undefined> {
  try {
    return parseServerInfo(String(await redis.call('INFO', [...INFO_SECTIONS])));
  } catch (err) {
    if (err instanceof Error && err.message.startsWith('NOPERM')) return undefined;
    throw err;
  }
}

/** Whether the server answers, and says that it will serve later: it loads its data, or runs a long script. */
function isNotReady(info: ServerInfo | ReplyError | undefined): boolean {
  if (info === undefined) return false;
  return 'kind' in info ? info.kind === 'not-serving' : info.isLoading;
}

/** Of one connection to the server; dropped with it, so that a late answer of a lost one changes nothing. */
interface Session {
  handshake: Timer;
  pingSentMs: number | undefined;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #logger: Logger;
  readonly #redis: Redis;
  readonly #pinger: Timer;
  #session: Session | undefined;
  #corked: Socket | undefined;
  #isUp = false;
  #isClosed = false;
  #hasLoggedFault = false;
  #lastPingMs: number | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ valkey: options.purpose });
    this.#redis = createRedis(options);
    this.#redis.on('connect', () => this.#openSession());
    this.#redis.on('ready', () => void this.#inspect(this.#session));
    this.#redis.on('close', () => this.#goDown());
    this.#redis.on('error', (err) => this.#report(classifyError(err).error));
    this.#pinger = options.clock.setInterval(() => this.#ping(), PING_PERIOD_MS);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Round trip of the last PING, while it is up. */
  get lastPingMs(): number | undefined {
    return this.#lastPingMs;
  }

  /** Only while up. */
  send(command: string, args: (string | number)[]): Promise<unknown> {
    // Writes of this turn of the event loop are held back until its end, so that they leave in one packet.
    if (this.#corked === undefined) {
      this.#corked = this.#redis.stream;
      this.#corked.cork();
      setImmediate(() => this.#uncork());
    }
    return this.#redis.call(command, args);
  }

  onMessage(listener: (channel: string, text: string) => void): void {
    this.#redis.on('message', listener);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#pinger.cancel();
    const { status } = this.#redis;
    if (status === 'end' || status === 'reconnecting') {
      // Between two attempts there is no socket whose end would be told.
      this.#redis.disconnect();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#redis.once('end', resolve);
      this.#redis.disconnect();
    });
  }

  #uncork(): void {
    this.#corked?.uncork();
    this.#corked = undefined;
  }

  #openSession(): void {
    this.#session = { handshake: this.#expectHandshake(), pingSentMs: undefined };
  }

  #expectHandshake(): Timer {
    return this.#options.clock.setTimeout(() => this.#giveUp('no answer to the handshake'), SILENCE_MS_MAX);
  }

  #giveUp(reason: string): void {
    this.#logger.warn({ reason }, 'Valkey connection given up');
    this.#redis.disconnect(true);
  }

  async #inspect(session: Session | undefined): Promise<void> {
    const info = await readServerInfo(this.#redis).catch((err: unknown) => classifyError(err));
    if (session === undefined || session !== this.#session) return;
    if (isNotReady(info)) {
      session.handshake.cancel();
      session.handshake = this.#expectHandshake();
      this.#options.clock.setTimeout(() => void this.#inspect(session), READY_POLL_MS);
      return;
    }
    // A refused login; the handshake's deadline ends this session if nothing else does.
    if (info !== undefined && 'error' in info) return this.#report(info.error);
    session.handshake.cancel();
    this.#isUp = true;
    this.#hasLoggedFault = false;
    this.#logger.info('Valkey connection up');
    this.#options.onUp(info);
  }

  /** Once per outage; every attempt to reconnect fails alike. */
  #report(error: WeirError): void {
    if (error.code === 'VALKEY_REFUSED') this.#options.onRefused(error);
    if (this.#hasLoggedFault || this.#isClosed) return;
    this.#hasLoggedFault = true;
    const reason = error.cause instanceof Error ? error.cause.message : error.detail;
    this.#logger.warn({ reason }, 'Valkey not reachable');
  }

  #goDown(): void {
    this.#session?.handshake.cancel();
    this.#session = undefined;
    this.#lastPingMs = undefined;
    if (!this.#isUp) return this.#report(classifyError(new Error('closed by the server before it was ready')).error);
    this.#isUp = false;
    if (!this.#isClosed) this.#logger.warn('Valkey connection lost');
    this.#options.onDown();
  }

  #ping(): void {
    const session = this.#session;
    if (!this.#isUp || session === undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (session.pingSentMs === undefined) {
      session.pingSentMs = nowMs;
      this.#redis.call('PING').then(
        () => this.#pong(session, nowMs),
        () => {},
      );
      return;
    }
    if (nowMs - session.pingSentMs < SILENCE_MS_MAX) return;
    this.#lastPingMs = undefined;
    // Let the sockets be read first: this process may itself have been held up.
    setImmediate(() => {
      if (session === this.#session && session.pingSentMs !== undefined) this.#giveUp('no answer to PING');
    });
  }

  #pong(session: Session, sentMs: number): void {
    session.pingSentMs = undefined;
    if (session === this.#session) this.#lastPingMs = this.#options.clock.monotonicMs() - sentMs;
  }
}
