/** Calls over one connection, each with its own deadline, behind the breaker of that connection. */
import type { Clock } from '@weir/clock';
import { WeirError } from '@weir/errors';
import type { Logger, Span, Telemetry } from '@weir/telemetry';

import { createBreaker, type Health } from './breaker.ts';
import { Connection } from './connection.ts';
import { DeadlineQueue } from './deadline-queue.ts';
import { createClientMetrics } from './metrics.ts';
import { classifyError, isNoScript } from './reply-errors.ts';
import type { ValkeyScript } from './script.ts';
import type { ServerInfo } from './server-info.ts';
import type { ValkeyTarget } from './target.ts';

/**
 * Every rejection is a WeirError: VALKEY_UNAVAILABLE at once when there is no connection or the breaker is open, and
 * when the connection breaks under a call; VALKEY_TIMEOUT after the deadline; VALKEY_REFUSED for an error reply. A call
 * that went out is never sent again; after a time-out or a break, whether it was executed is unknown.
 */
export interface ValkeyClient {
  /** Replies as in RESP2: texts, integers, null, and arrays of them; maps are flat arrays. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  /** By digest; a server that does not know the script (and so has not run it) gets its source, once. */
  run(script: ValkeyScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  get(key: string): Promise<string | null>;
  /** Empty when there is no such hash. */
  hgetall(key: string): Promise<Record<string, string>>;
  /** State of the breaker. */
  readonly health: Health;
  /**
   * Runs when another server, or the same one restarted, answers after a loss, and before any call reaches it: what
   * the one before had promised may be lost. Where the ACL denies INFO, after every loss. Answers how to stop listening.
   */
  onFailover(listener: () => void): () => void;
}

export interface ClientOptions {
  readonly target: ValkeyTarget;
  readonly purpose: 'decide' | 'bulk';
  readonly clientName: string;
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly random: () => number;
  onUp(info: ServerInfo | undefined): void;
  onRefused(error: Error): void;
}

export interface ManagedClient extends ValkeyClient {
  readonly connection: Connection;
  close(): Promise<void>;
}

/** Runs each, whatever the ones before did. */
function notify(listeners: ReadonlySet<() => void>, logger: Logger): void {
  for (const listener of listeners) {
    try {
      listener();
    } catch (err) {
      logger.error({ err }, 'a listener for Valkey failover failed');
    }
  }
}

/** Names and values in turn, as RESP2 has a hash. */
function toRecord(flat: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let index = 0; index < flat.length; index += 2) record[flat[index] ?? ''] = flat[index + 1] ?? '';
  return record;
}

const SPAN_ATTRIBUTES = {
  decide: { 'db.system.name': 'valkey', 'weir.valkey.client': 'decide' },
  bulk: { 'db.system.name': 'valkey', 'weir.valkey.client': 'bulk' },
} as const;

/** Who answered last, and who wants to know when that changes. */
function createIdentityWatch(logger: Logger) {
  const listeners = new Set<() => void>();
  let identity: string | undefined;
  let hasBeenUp = false;
  return {
    listen: (listener: () => void): (() => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    seen(info: ServerInfo | undefined): void {
      const isOther = info === undefined || info.identity !== identity;
      identity = info?.identity;
      if (hasBeenUp && isOther) notify(listeners, logger);
      hasBeenUp = true;
    },
  };
}

/** The connection with its deadlines and its breaker; `attempt` sends whatever the breaker says. */
function openChannel(options: ClientOptions) {
  const { clock, logger, purpose, deadlineMs } = options;
  const deadlines = new DeadlineQueue(clock, deadlineMs);
  const identities = createIdentityWatch(logger);
  const metrics = createClientMetrics(options.telemetry, purpose, () => breaker.health);

  const fail = (err: unknown): WeirError => {
    const { kind, error } = classifyError(err);
    if (kind === 'not-serving') breaker.failed();
    else if (kind !== 'unavailable') breaker.succeeded();
    if (kind === 'refused') metrics.refused.add();
    else if (kind !== 'no-script') metrics.unavailable.add();
    return error;
  };
  const attempt = (command: string, args: (string | number)[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const deadline = deadlines.start(() => {
        metrics.timeouts.add();
        breaker.timedOut();
        reject(new WeirError('VALKEY_TIMEOUT', { detail: `Valkey did not answer within ${deadlineMs} ms` }));
      });
      const answered = (reply: unknown): void => {
        if (!deadlines.settle(deadline)) return;
        const { startedMs } = deadline;
        if (startedMs !== undefined) metrics.duration.record((clock.monotonicMs() - startedMs) / 1_000);
        breaker.succeeded();
        resolve(reply);
      };
      connection.send(command, args).then(answered, (err: unknown) => {
        if (deadlines.settle(deadline)) reject(fail(err));
      });
    });
  const hasAnswered = (): boolean => true;
  const breaker = createBreaker({
    clock,
    probe: () => attempt('PING', []).then(hasAnswered, () => false),
    onTrip: () => logger.warn({ valkey: purpose }, 'Valkey does not answer in time, calls are refused'),
    onRecover: () => logger.info({ valkey: purpose }, 'Valkey answers again'),
  });
  const connection = new Connection({
    ...options,
    onUp(info) {
      // While the breaker is still open, so that no call overtakes the news.
      identities.seen(info);
      breaker.connected();
      options.onUp(info);
    },
    onDown: () => breaker.disconnected(),
  });
  return { attempt, breaker, connection, deadlines, identities, metrics };
}

export function openClient(options: ClientOptions): ManagedClient {
  const { telemetry, purpose } = options;
  const { attempt, breaker, connection, deadlines, identities, metrics } = openChannel(options);

  const traced = async (command: string, args: (string | number)[], span: Span): Promise<unknown> => {
    try {
      return await attempt(command, args);
    } catch (err) {
      span.recordError(err);
      throw err;
    } finally {
      span.end();
    }
  };
  const send = (command: string, args: (string | number)[], script?: ValkeyScript): Promise<unknown> => {
    if (breaker.health !== 'closed') {
      metrics.unavailable.add();
      return Promise.reject(
        new WeirError('VALKEY_UNAVAILABLE', { detail: 'Valkey is not reachable or not answering' }),
      );
    }
    const name = script === undefined ? command : `${command} ${script.name}`;
    const span = telemetry.tracing.startChild(name, { kind: 'client', attributes: SPAN_ATTRIBUTES[purpose] });
    return span === undefined ? attempt(command, args) : traced(command, args, span);
  };
  return {
    connection,
    get health() {
      return breaker.health;
    },
    onFailover: (listener) => identities.listen(listener),
    // ioredis reshapes the replies of some commands that it is given in lower case.
    call: (command, ...args) => send(command.toUpperCase(), args),
    async run(script, keys, args) {
      if (script.numberOfKeys !== undefined && script.numberOfKeys !== keys.length) {
        throw new RangeError(`${script.name} takes ${script.numberOfKeys} keys, not ${keys.length}`);
      }
      try {
        return await send('EVALSHA', [script.sha1, keys.length, ...keys, ...args], script);
      } catch (err) {
        if (!isNoScript(err)) throw err;
        return send('EVAL', [script.source, keys.length, ...keys, ...args], script);
      }
    },
    // GET answers a text or null, and HGETALL an array of texts, or they reject.
    get: (key) => send('GET', [key]) as Promise<string | null>,
    hgetall: async (key) => toRecord((await send('HGETALL', [key])) as string[]),
    async close() {
      breaker.disconnected();
      deadlines.close();
      await connection.close();
    },
  };
}
