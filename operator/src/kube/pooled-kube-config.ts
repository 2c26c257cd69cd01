/**
 * Address and login of the API server, with pools of connections that do not get into each other's way.
 *
 * `@kubernetes/client-node` knows how to find and read them (service account, kubeconfig, exec plugins); its own requests
 * open a connection each and have no deadline, so it is used for nothing else.
 */
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '@weir/clock';
import { Agent } from 'undici';
import { KubeError } from './kube-error.ts';

export interface Connection {
  /** Without a slash at its end. */
  readonly server: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agents: Agents;
}

/**
 * Connections by what they are for. Watches are as many as kinds times namespaces, and each keeps one for minutes: in one
 * pool with the calls they would use it up. Renewals of the Lease must get through whatever the calls are waiting for.
 */
export type Pool = 'calls' | 'watches' | 'lease';
export type Agents = Readonly<Record<Pool, Agent>>;

/** Token files and authorities are read again after this time; kubelets replace them long before the old ones end. */
const LOGIN_LIFE_MS = 10_000;

/** `null`: as many as are asked for. */
const CONNECTIONS_MAX: Readonly<Record<Pool, number | null>> = { calls: 64, watches: null, lease: 2 };
/** Idle connections are kept; the server closes them when it wants to. */
const KEEP_ALIVE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;

interface Login {
  readonly connection: Connection;
  readonly readAtMs: number;
}

/** `file`: a kubeconfig; absent: the service account of the pod. */
export function loadKubeConfig(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromCluster();
  else config.loadFromFile(file);
  return config;
}

export class PooledKubeConfig {
  readonly #config: KubeConfig;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #userAgent: string;
  #agents: Agents | undefined;
  #trust = '';
  #login: Login | undefined;
  #reading: Promise<Connection> | undefined;

  constructor(config: KubeConfig, clock: Pick<Clock, 'monotonicMs'>, userAgent: string) {
    this.#config = config;
    this.#clock = clock;
    this.#userAgent = userAgent;
  }

  /** Rejects with KubeError `unauthorized` when the login cannot be read, as while a token file is being replaced. */
  async connection(): Promise<Connection> {
    const login = this.#login;
    if (login !== undefined && this.#clock.monotonicMs() - login.readAtMs < LOGIN_LIFE_MS) return login.connection;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  /** The server turned the login down: the next call reads it again. */
  forgetLogin(): void {
    this.#login = undefined;
  }

  async close(): Promise<void> {
    const agents = Object.values(this.#agents ?? {});
    this.#agents = undefined;
    this.#login = undefined;
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  async #read(): Promise<Connection> {
    const options: RequestOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (cause) {
      throw new KubeError({ kind: 'unauthorized', message: 'the login of the API server cannot be read', cause });
    }
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null) throw new KubeError({ kind: 'rejected', message: 'the kubeconfig names no cluster' });
    if (cluster.proxyUrl !== undefined && cluster.proxyUrl !== '') {
      throw new KubeError({ kind: 'rejected', message: 'a proxy-url in the kubeconfig is not supported' });
    }
    const connection = {
      server: cluster.server.replace(/\/+$/, ''),
      host: new URL(cluster.server).host,
      headers: { ...headersOf(options), 'user-agent': this.#userAgent, accept: 'application/json' },
      agents: this.#agentsFor(options),
    };
    this.#login = { connection, readAtMs: this.#clock.monotonicMs() };
    return connection;
  }

  /** The same ones as long as authority and client certificate are the same. */
  #agentsFor(options: RequestOptions): Agents {
    const { ca, cert, key, servername, rejectUnauthorized } = options;
    const trust = JSON.stringify([ca, cert, key, servername, rejectUnauthorized]);
    if (this.#agents !== undefined && trust === this.#trust) return this.#agents;
    // Calls under way, watches among them, end by themselves.
    for (const agent of Object.values(this.#agents ?? {})) void agent.close();
    this.#trust = trust;
    this.#agents = {
      calls: createAgent(options, CONNECTIONS_MAX.calls),
      watches: createAgent(options, CONNECTIONS_MAX.watches),
      lease: createAgent(options, CONNECTIONS_MAX.lease),
    };
    return this.#agents;
  }
}

function createAgent(
  { ca, cert, key, passphrase, servername, rejectUnauthorized }: RequestOptions,
  connections: number | null,
): Agent {
  return new Agent({
    // A connection of its own for each call: one that hangs holds up no other.
    allowH2: false,
    pipelining: 1,
    connections,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Callers have deadlines; watches have an idle timer.
    bodyTimeout: 0,
    headersTimeout: 0,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(passphrase !== undefined && { passphrase }),
      ...(servername !== undefined && { servername }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    },
  });
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const texts: Record<string, string> = {};
  if (headers !== undefined && !Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) texts[name] = String(value);
  }
  if (typeof auth === 'string') texts['Authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  return texts;
}
