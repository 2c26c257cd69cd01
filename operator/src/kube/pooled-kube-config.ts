/**
 * Address and login of the API server, with one pool of connections for everything.
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
  readonly agent: Agent;
}

/** Token files and authorities are read again after this time; kubelets replace them long before the old ones end. */
const LOGIN_LIFE_MS = 10_000;

const CONNECTIONS_MAX = 64;
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
  #agent: Agent | undefined;
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
    const agent = this.#agent;
    this.#agent = undefined;
    this.#login = undefined;
    await agent?.destroy();
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
      agent: this.#agentFor(options),
    };
    this.#login = { connection, readAtMs: this.#clock.monotonicMs() };
    return connection;
  }

  /** The same one as long as authority and client certificate are the same. */
  #agentFor({ ca, cert, key, passphrase, servername, rejectUnauthorized }: RequestOptions): Agent {
    const trust = JSON.stringify([ca, cert, key, servername, rejectUnauthorized]);
    if (this.#agent !== undefined && trust === this.#trust) return this.#agent;
    // Calls under way, watches among them, end by themselves.
    void this.#agent?.close();
    this.#trust = trust;
    this.#agent = new Agent({
      // A connection of its own for each call: one that hangs must not take the renewal of the Lease with it.
      allowH2: false,
      pipelining: 1,
      connections: CONNECTIONS_MAX,
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
    return this.#agent;
  }
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const texts: Record<string, string> = {};
  if (headers !== undefined && !Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) texts[name] = String(value);
  }
  if (typeof auth === 'string') texts['Authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  return texts;
}
