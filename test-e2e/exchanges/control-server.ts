/**
 * The simulated exchanges' control interface over HTTP, for tests that run elsewhere: true prices to read, faults to switch.
 *
 * Not for the open: whoever reaches the port decides what the venues say. Bodies are bounded, and nothing that is sent can
 * end the process.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runCommand, text } from './control-commands.ts';
import type { Exchanges } from './index.ts';
import { asObject, readObject } from './protocol.ts';

export interface ControlServer {
  readonly port: number;
  stop(): Promise<void>;
}

export interface ControlServerOptions {
  readonly exchanges: Exchanges;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const BODY_BYTES_MAX = 64 * 1024;
const REQUEST_MS_MAX = 10_000;
const NOT_FOUND: Answer = { status: 404, body: { error: 'there is no such thing here' } };

export async function startControlServer({ exchanges, host, port }: ControlServerOptions): Promise<ControlServer> {
  const server = createServer({ requestTimeout: REQUEST_MS_MAX }, (request, response) => {
    void handle(exchanges, request).then((answer) => reply(response, answer));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    // A server that listens on a TCP port has an AddressInfo; a text only belongs to a pipe.
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function handle(exchanges: Exchanges, request: IncomingMessage): Promise<Answer> {
  try {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://control');
    const [root, subject = '', name, ...deeper] = pathname.slice(1).split('/');
    if (root !== 'control' || deeper.length > 0) return NOT_FOUND;
    if (request.method === 'GET') return name === undefined ? read(exchanges, subject, searchParams) : NOT_FOUND;
    if (request.method !== 'POST') return { status: 405, body: { error: 'GET reads, POST changes' } };
    const fields = await readFields(request);
    if (fields === undefined)
      return { status: 400, body: { error: 'the body must be a JSON object of at most 64 KB' } };
    return write(exchanges, { subject, name }, fields);
  } catch (error) {
    const reason = error instanceof RangeError ? error.message : 'the request cannot be read';
    return { status: 400, body: { error: reason } };
  }
}

function read(exchanges: Exchanges, subject: string, query: URLSearchParams): Answer {
  if (subject === 'truth') {
    const pair = query.get('pair');
    if (pair === null) return { status: 200, body: { prices: exchanges.truths() } };
    const price = exchanges.truth(pair);
    return price === undefined ? NOT_FOUND : { status: 200, body: { pair, price } };
  }
  if (!Object.hasOwn(exchanges.addresses, subject)) return NOT_FOUND;
  const { connections, restCount, faults, strikes } = exchanges.venue(subject);
  return { status: 200, body: { connections, restCount, faults, strikes } };
}

function write(
  exchanges: Exchanges,
  { subject, name }: { readonly subject: string; readonly name: string | undefined },
  fields: Readonly<Record<string, unknown>>,
): Answer {
  if (subject === 'truth' && name === undefined) {
    exchanges.setTruth(text(fields, 'pair'), text(fields, 'price'));
    return { status: 200, body: { ok: true } };
  }
  if (name === undefined || !Object.hasOwn(exchanges.addresses, subject)) return NOT_FOUND;
  return runCommand(exchanges.venue(subject), name, fields) ? { status: 200, body: { ok: true } } : NOT_FOUND;
}

/** No body is an object without fields. */
async function readFields(request: IncomingMessage): Promise<Readonly<Record<string, unknown>> | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // An HTTP request without an encoding yields buffers.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return bytes === 0 ? asObject({}) : readObject(Buffer.concat(chunks).toString());
}

function reply(response: ServerResponse, { status, body }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
