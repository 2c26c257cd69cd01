/** A TCP proxy in front of a real server, by which a test makes the network fail in the ways that networks do. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { systemClock, type Timer } from '@weir/clock';

export interface ProxyTarget {
  readonly port: number;
  readonly host?: string;
}

export interface ProxyOptions {
  /** Speak TLS to clients, plain TCP to the server. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface Proxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Open now. */
  readonly connections: number;
  /** Ever accepted. */
  readonly accepted: number;
  /** Nothing passes either way, nor on new connections, until it is switched off: then everything that was held back. */
  stall(isOn: boolean): void;
  /**
   * What the server answers is lost; what clients send arrives. Switching it off cuts the connections that lost
   * something, since no client can make sense of the rest of a stream.
   */
  dropReplies(isOn: boolean): void;
  /** Answers come so much later. */
  delayReplies(ms: number): void;
  /** The connections there are now never pass anything again, as when a network forgets them; new ones work. */
  silence(): void;
  /** Ends every connection, without a goodbye. */
  cut(): void;
  /** Closes new connections at once. */
  refuse(isOn: boolean): void;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  hasLost: boolean;
  isSilent: boolean;
}

class FaultyProxy {
  readonly #target: ProxyTarget;
  readonly #links = new Set<Link>();
  readonly #timers = new Set<Timer>();
  accepted = 0;
  #isStalled = false;
  #isDropping = false;
  #isRefusing = false;
  #delayMs = 0;

  constructor(target: ProxyTarget) {
    this.#target = target;
  }

  get connections(): number {
    return this.#links.size;
  }

  accept(client: Socket): void {
    client.on('error', () => {});
    if (this.#isRefusing) return void client.destroy();
    this.accepted += 1;
    const server = connect(this.#target.port, this.#target.host ?? HOST);
    const link = { client, server, hasLost: false, isSilent: false };
    this.#links.add(link);
    const end = (): void => {
      this.#links.delete(link);
      client.destroy();
      server.destroy();
    };
    server.on('error', end);
    for (const side of [client, server]) side.on('close', end).setNoDelay(true);
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => this.#reply(link, bytes));
    if (this.#isStalled) this.#pause(link);
  }

  stall(isOn: boolean): void {
    this.#isStalled = isOn;
    for (const link of this.#links) {
      if (isOn) this.#pause(link);
      else if (!link.isSilent) for (const side of [link.client, link.server]) side.resume();
    }
  }

  dropReplies(isOn: boolean): void {
    this.#isDropping = isOn;
    if (isOn) return;
    for (const link of this.#links) if (link.hasLost) link.client.destroy();
  }

  silence(): void {
    for (const link of this.#links) {
      this.#pause(link);
      link.isSilent = true;
    }
  }

  delayReplies(ms: number): void {
    this.#delayMs = ms;
  }

  refuse(isOn: boolean): void {
    this.#isRefusing = isOn;
  }

  cut(): void {
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.cut();
  }

  #pause(link: Link): void {
    link.client.pause();
    link.server.pause();
  }

  #reply(link: Link, bytes: string | Buffer): void {
    if (this.#isDropping) {
      link.hasLost = true;
      return;
    }
    if (this.#delayMs === 0) return void link.client.write(bytes);
    const timer = systemClock.setTimeout(() => {
      this.#timers.delete(timer);
      link.client.write(bytes);
    }, this.#delayMs);
    this.#timers.add(timer);
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return address.port;
}

/** On a free port. */
export async function startProxy(target: ProxyTarget, options: ProxyOptions = {}): Promise<Proxy> {
  const proxy = new FaultyProxy(target);
  const accept = (client: Socket): void => proxy.accept(client);
  const server = options.tls === undefined ? createServer(accept) : createTlsServer(options.tls, accept);
  // A client that does not trust the certificate.
  server.on('tlsClientError', () => {});
  const port = await listen(server);
  const stop = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    proxy.close();
    await closed;
  };
  return {
    host: HOST,
    port,
    get connections() {
      return proxy.connections;
    },
    get accepted() {
      return proxy.accepted;
    },
    stall: (isOn) => proxy.stall(isOn),
    dropReplies: (isOn) => proxy.dropReplies(isOn),
    silence: () => proxy.silence(),
    delayReplies: (ms) => proxy.delayReplies(ms),
    cut: () => proxy.cut(),
    refuse: (isOn) => proxy.refuse(isOn),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
