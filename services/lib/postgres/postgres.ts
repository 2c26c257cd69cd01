/** A pool of connections whose every statement has a deadline, and whose every error is a WeirError. */
import { sleep, type Clock } from '@weir/clock';
import { WeirError } from '@weir/errors';
import type { Logger, Span, Telemetry } from '@weir/telemetry';
import { Pool, type PoolClient } from 'pg';

import { createPostgresMetrics, type PostgresMetrics } from './metrics.ts';
import { isConnectionSound, toPostgresError } from './postgres-errors.ts';
import type { Statement } from './statement.ts';

export interface Queries {
  /** Rejects with POSTGRES_UNAVAILABLE (retry later) or POSTGRES_REFUSED; values only ever travel as parameters. */
  query<Row>(statement: Statement<Row> | string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

export interface Postgres extends Queries {
  /** Commits what `run` did, or nothing of it when it rejects. */
  transaction<T>(run: (tx: Queries) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Whether the last statement found a server; one is sent every few seconds when there are no others. */
  healthy(): boolean;
  close(): Promise<void>;
}

export interface TransactionOptions {
  /** Of each statement in it, in place of the pool's. */
  readonly statementTimeoutMs?: number;
}

export interface PostgresOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly maxConnections?: number;
  readonly statementTimeoutMs?: number;
}

const CONNECT_DEADLINE_MS = 5_000;
const DEFAULT_STATEMENT_TIMEOUT_MS = 5_000;
const DEFAULT_CONNECTIONS_MAX = 5;
/** The server ends a statement itself at its time-out; only a server that is gone is given up by this side. */
const ANSWER_GRACE_MS = 1_000;
const PING_PERIOD_MS = 5_000;

class PostgresPool implements Postgres {
  readonly #options: PostgresOptions;
  readonly #pool: Pool;
  readonly #metrics: PostgresMetrics;
  readonly #pinger: { cancel(): void };
  #isHealthy = false;
  #lastAnswerMs = Number.NEGATIVE_INFINITY;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#pool = new Pool({
      connectionString: options.url,
      application_name: 'weir',
      max: options.maxConnections ?? DEFAULT_CONNECTIONS_MAX,
      connectionTimeoutMillis: CONNECT_DEADLINE_MS,
      statement_timeout: this.#timeoutMs,
      keepAlive: true,
    });
    // An idle connection that the server ends; the pool opens another one when it is needed.
    this.#pool.on('error', (err) => options.logger.warn({ reason: err.message }, 'Postgres connection lost'));
    this.#metrics = createPostgresMetrics(options.telemetry, () => ({
      idle: this.#pool.idleCount,
      used: this.#pool.totalCount - this.#pool.idleCount,
      waiting: this.#pool.waitingCount,
    }));
    this.#pinger = options.clock.setInterval(() => this.#ping(), PING_PERIOD_MS);
    this.#ping();
  }

  get #timeoutMs(): number {
    return this.#options.statementTimeoutMs ?? DEFAULT_STATEMENT_TIMEOUT_MS;
  }

  healthy(): boolean {
    return this.#isHealthy;
  }

  query<Row>(statement: Statement<Row> | string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.#withClient((client) => this.#send<Row>(client, statement, values, this.#timeoutMs));
  }

  transaction<T>(run: (tx: Queries) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const timeoutMs = options.statementTimeoutMs ?? this.#timeoutMs;
    return this.#withClient(async (client, lose) => {
      const query: Queries['query'] = (statement, values = []) => this.#send(client, statement, values, timeoutMs);
      await query('BEGIN');
      try {
        if (timeoutMs !== this.#timeoutMs) await query(`SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)}`);
        const result = await run({ query });
        await query('COMMIT');
        return result;
      } catch (err) {
        // When this fails too, the connection is dropped, and the server rolls back by itself.
        await query('ROLLBACK').catch(lose);
        throw err;
      }
    });
  }

  async close(): Promise<void> {
    this.#pinger.cancel();
    await this.#pool.end();
  }

  #ping(): void {
    if (this.#options.clock.monotonicMs() - this.#lastAnswerMs < PING_PERIOD_MS) return;
    // Its failure is in healthy() and in the metrics.
    this.query('SELECT 1').catch(() => {});
  }

  async #withClient<T>(use: (client: PoolClient, lose: () => void) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let isSound = true;
    // Between two statements nobody else listens, and an unheard 'error' would end the process.
    const lose = (): void => void (isSound = false);
    client.on('error', lose);
    try {
      return await use(client, lose);
    } catch (err) {
      if (err instanceof WeirError && err.code.startsWith('POSTGRES_') && !isConnectionSound(err)) isSound = false;
      throw err;
    } finally {
      client.off('error', lose);
      client.release(!isSound);
    }
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (err) {
      throw this.#fail(err);
    }
  }

  async #send<Row>(
    client: PoolClient,
    statement: Statement<Row> | string,
    values: readonly unknown[],
    timeoutMs: number,
  ): Promise<readonly Row[]> {
    const { telemetry, clock } = this.#options;
    const text = typeof statement === 'string' ? statement : statement.text;
    const name = typeof statement === 'string' ? operationOf(text) : statement.name;
    const span: Span | undefined = telemetry.tracing.startChild(name, { kind: 'client', attributes: SPAN_ATTRIBUTES });
    const startedMs = clock.monotonicMs();
    try {
      const rows = await this.#answer<Row>(client, text, values, timeoutMs + ANSWER_GRACE_MS);
      this.#isHealthy = true;
      this.#lastAnswerMs = clock.monotonicMs();
      this.#metrics.duration.record((this.#lastAnswerMs - startedMs) / 1_000);
      return rows;
    } catch (err) {
      const error = this.#fail(err);
      span?.recordError(error);
      throw error;
    } finally {
      span?.end();
    }
  }

  /** The rows of the (last) statement, unless the server stays silent. */
  async #answer<Row>(client: PoolClient, text: string, values: readonly unknown[], deadlineMs: number): Promise<Row[]> {
    const answered = new AbortController();
    const silence = sleep(this.#options.clock, deadlineMs, answered.signal).then(() => {
      throw new Error(`no answer within ${deadlineMs} ms`);
    });
    // Aborted when the answer is first, and then nobody waits for it.
    silence.catch(() => {});
    try {
      // Without values the simple protocol is spoken, which takes the several statements of a migration.
      const asked = values.length === 0 ? client.query(text) : client.query(text, [...values]);
      asked.catch(() => {});
      // What a statement's rows look like is the statement's promise (see defineStatement).
      const result = (await Promise.race([asked, silence])) as { rows: Row[] } | { rows: Row[] }[];
      return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? [];
    } finally {
      answered.abort();
    }
  }

  #fail(err: unknown): WeirError {
    const error = toPostgresError(err);
    const isRefused = error.code === 'POSTGRES_REFUSED';
    (isRefused ? this.#metrics.refused : this.#metrics.unavailable).add();
    this.#isHealthy = isRefused;
    if (isRefused) this.#lastAnswerMs = this.#options.clock.monotonicMs();
    return error;
  }
}

const SPAN_ATTRIBUTES = { 'db.system.name': 'postgresql' } as const;

/** "SELECT": the whole text could hold anything. */
function operationOf(text: string): string {
  return /[A-Za-z]+/.exec(text)?.[0].toUpperCase() ?? 'SQL';
}

/** Connects when first used, and again after every loss. */
export function createPostgres(options: PostgresOptions): Postgres {
  return new PostgresPool(options);
}
