/**
 * Asks for prices over UDP, as any client may: see docs/udp.md. Nothing of Weir is imported, so it can be copied.
 *
 * One socket for each asset with one request in flight: that tells which answer is whose, since a refusal names no asset.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const USAGE = `Usage: npm run --silent udp -- [options] <asset>...

Makes a session over HTTP, asks for each asset over UDP, and prints every answer as a line of JSON. What is not answered in
time is asked again; after three silent tries the session is made anew; three more, and the client gives up.

  --url <url>         of the price service (http://127.0.0.1:8080)
  --key <key>         the API key; better in WEIR_API_KEY, where no list of processes shows it
  --udp <host:port>   where UDP is served (the host of the url, and the port that the session names)
  --count <n>         answers for each asset, then it ends (1); 0: until it is stopped, however long nobody answers
  --interval-ms <n>   between two requests for an asset (1000)
  --wait-ms <n>       for an answer (500)
`;
const EXIT_USAGE = 2;
const TRIES = 3;
const DATAGRAM_BYTES_MIN = 256;
/** A clock that is off by more than this is put right by the server's, as its answers say it to the second. */
const CLOCK_ERROR_MS = 5_000;
/** Prices differ in length from one answer to the next. */
const SPARE_BYTES = 16;
/** Before its end a session is made anew. */
const RENEWAL_MS = 60_000;
/** Before a server that is away is asked once more. */
const PAUSE_MS = 1_000;
const SESSION_WAIT_MS = 10_000;

interface Order {
  readonly url: URL;
  readonly key: string;
  readonly udp: { readonly host: string; readonly port: number } | undefined;
  readonly assets: readonly string[];
  readonly count: number;
  readonly intervalMs: number;
  readonly waitMs: number;
}

interface Session {
  readonly session: string;
  readonly secret: string;
  readonly port: number;
  readonly expiresAtMs: number;
  /** Of the server's clock, ahead of ours. */
  readonly clockOffsetMs: number;
}

/** Said without a stack: what the user can mend. */
class Failure extends Error {}
/** One that may pass by itself. */
class Silence extends Failure {}

/** Of an answer those members that are looked at; what else is in it is printed. */
type Json = Readonly<Record<string, string | number | undefined>>;

function readJson(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    // Its members are looked at one by one.
    if (typeof value === 'object' && value !== null) return value as Json;
  } catch {
    // Not JSON, so not of a price service.
  }
  throw new Failure(`this is no answer of a price service: ${text.slice(0, 200)}`);
}

async function createSession({ url, key }: Order): Promise<Session> {
  const target = new URL('/v1/udp-sessions', url);
  const headers = { authorization: `Bearer ${key}` };
  const silent = (err: unknown): never => {
    throw new Silence(`${target.href} does not answer: is --url right?`, { cause: err });
  };
  const signal = AbortSignal.timeout(SESSION_WAIT_MS);
  const response = await fetch(target, { method: 'POST', headers, signal }).catch(silent);
  const text = await response.text().catch(silent);
  if (response.status >= 500 || response.status === 429)
    throw new Silence(`${target.href} makes no session now: ${sayWhy(response.status, text)}`);
  const body = readJson(text);
  if (response.status === 404) throw new Failure('this price service serves no UDP: it has no WEIR_UDP_SECRET');
  if (response.status !== 201) throw new Failure(describeRefusal(body));
  const offsetMs = Date.parse(response.headers.get('date') ?? '') - Date.now();
  return {
    session: String(body['session']),
    secret: String(body['secret']),
    port: Number(body['port']),
    expiresAtMs: Date.parse(String(body['expires_at'])),
    clockOffsetMs: Math.abs(offsetMs) > CLOCK_ERROR_MS ? offsetMs : 0,
  };
}

/** Whoever stands before the service may answer with a page. */
const sayWhy = (status: number, text: string): string =>
  text.startsWith('{') ? describeRefusal(readJson(text)) : `${status} ${text.slice(0, 200)}`;

const describeRefusal = ({ status, code, error, detail, fix }: Json): string =>
  [status ?? code, error ?? code, detail, fix].filter((each) => each !== undefined).join(' · ');

/** Each with a nonce of its own: the same datagram twice is a replay, which nobody answers. */
function encodeRequest({ session, secret, clockOffsetMs }: Session, asset: string, bytes: number): Buffer {
  const unixMs = Date.now() + clockOffsetMs;
  const signed = `WEIR1 ${session} ${asset} ${unixMs} ${randomBytes(8).toString('hex')}`;
  const hmac = createHmac('sha256', secret).update(signed).digest('hex');
  return Buffer.from(`${signed} ${hmac}`.padEnd(bytes), 'latin1');
}

/** One session for all assets, made when it is first needed and again when it ends or seems lost. */
class Sessions {
  readonly #order: Order;
  #session: Session | undefined;
  #making: Promise<Session> | undefined;

  constructor(order: Order) {
    this.#order = order;
  }

  async get(): Promise<Session> {
    const session = this.#session;
    if (session !== undefined && session.expiresAtMs - session.clockOffsetMs - Date.now() > RENEWAL_MS) return session;
    this.#making ??= createSession(this.#order).finally(() => (this.#making = undefined));
    this.#session = await this.#making;
    return this.#session;
  }

  /** Unless another asset has done so and there is a new one already. */
  drop(session: Session): void {
    if (this.#session === session) this.#session = undefined;
  }
}

class AssetClient {
  readonly #order: Order;
  readonly #sessions: Sessions;
  readonly #asset: string;
  readonly #socket: Socket;
  #bytes = DATAGRAM_BYTES_MIN;

  constructor(order: Order, sessions: Sessions, asset: string) {
    this.#order = order;
    this.#sessions = sessions;
    this.#asset = asset;
    this.#socket = createSocket(order.url.hostname.includes(':') ? 'udp6' : 'udp4');
    // A port where nobody listens says so; the wait for an answer ends all the same.
    this.#socket.on('error', () => undefined);
  }

  async run(): Promise<void> {
    const { count, intervalMs } = this.#order;
    try {
      for (let answers = 1; ; answers += 1) {
        const answer = await this.#askUntilHeard();
        const { code } = answer;
        process.stdout.write(`${JSON.stringify(code === undefined ? answer : { asset: this.#asset, ...answer })}\n`);
        if (code === 400 || code === 401 || code === 403 || code === 404)
          throw new Failure(
            `${this.#asset}: refused for good; docs/errors.md says what ${answer['error'] ?? code} means`,
          );
        if (answers === count) return;
        await sleep(Math.max(intervalMs, Number(answer['retry_ms'] ?? 0)));
      }
    } finally {
      this.#socket.close();
    }
  }

  /** Who asks without end waits out a server that is away. */
  async #askUntilHeard(): Promise<Json> {
    for (;;) {
      try {
        return await this.#askPadded();
      } catch (err) {
        if (this.#order.count !== 0 || !(err instanceof Silence)) throw err;
        process.stderr.write(`${err.message}; asking again\n`);
        await sleep(PAUSE_MS);
      }
    }
  }

  /** An answer longer than twice the request is withheld; the refusal says how long a request has it. */
  async #askPadded(): Promise<Json> {
    const answer = await this.#ask();
    const bytes = Number(answer['request_bytes']) + SPARE_BYTES;
    if (answer['code'] !== 413 || !(bytes > this.#bytes)) return answer;
    this.#bytes = bytes;
    return this.#ask();
  }

  async #ask(): Promise<Json> {
    const silent = await this.#askWith(await this.#sessions.get());
    if ('answer' in silent) return silent.answer;
    process.stderr.write(`${this.#asset}: no answer in ${TRIES} tries; making another session\n`);
    const again = await this.#askWith(await this.#sessions.get());
    if ('answer' in again) return again.answer;
    throw new Silence(
      `${this.#asset}: no answer from UDP ${again.target}, with a new session either. Is the port open, and --udp right?`,
    );
  }

  async #askWith(session: Session): Promise<{ readonly answer: Json } | { readonly target: string }> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const answer = await this.#try(session);
      if (answer !== undefined) return { answer: readJson(answer) };
    }
    this.#sessions.drop(session);
    const { host, port } = this.#target(session);
    return { target: `${host}:${port}` };
  }

  #target({ port }: Session): { readonly host: string; readonly port: number } {
    return this.#order.udp ?? { host: this.#order.url.hostname.replaceAll(/[[\]]/g, ''), port };
  }

  async #try(session: Session): Promise<string | undefined> {
    const { host, port } = this.#target(session);
    const late = AbortSignal.timeout(this.#order.waitMs);
    const answered = once(this.#socket, 'message', { signal: late });
    this.#socket.send(encodeRequest(session, this.#asset, this.#bytes), port, host, () => undefined);
    try {
      // As the event has it: bytes and sender.
      const [bytes] = (await answered) as [Buffer];
      return bytes.toString();
    } catch {
      return undefined;
    }
  }
}

function readWhole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new Failure(`--${name} takes a whole number, not "${text}"`);
  return Number(text);
}

function readOrder(): Order | undefined {
  const text = { type: 'string' } as const;
  const options = { url: text, key: text, udp: text, count: text, 'interval-ms': text, 'wait-ms': text } as const;
  const help = { type: 'boolean', short: 'h' } as const;
  const { positionals: assets, values } = parseArgs({ allowPositionals: true, options: { ...options, help } });
  if (values.help === true) return undefined;
  const key = values.key ?? process.env['WEIR_API_KEY'] ?? '';
  if (key === '') throw new Failure('no API key: set WEIR_API_KEY');
  if (assets.length === 0) throw new Failure('no asset: name one, such as BTC');
  const url = values.url ?? 'http://127.0.0.1:8080';
  if (!URL.canParse(url)) throw new Failure(`--url takes an address such as http://127.0.0.1:8080, not "${url}"`);
  const udp = /^\[?(?<host>.+?)\]?:(?<port>\d{1,5})$/.exec(values.udp ?? '')?.groups;
  if (values.udp !== undefined && udp === undefined) throw new Failure('--udp takes host:port');
  return {
    url: new URL(url),
    key,
    udp: udp && { host: udp['host'] ?? '', port: Number(udp['port']) },
    assets,
    count: readWhole('count', values.count, 1),
    intervalMs: readWhole('interval-ms', values['interval-ms'], 1_000),
    waitMs: readWhole('wait-ms', values['wait-ms'], 500),
  };
}

async function main(): Promise<void> {
  let order: Order | undefined;
  try {
    order = readOrder();
  } catch (err) {
    process.stderr.write(`${err instanceof Error ? err.message : String(err)}\n\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  if (order === undefined) return void process.stdout.write(USAGE);
  const sessions = new Sessions(order);
  await Promise.all(order.assets.map((asset) => new AssetClient(order, sessions, asset).run()));
}

try {
  await main();
} catch (err) {
  process.stderr.write(`${err instanceof Failure ? err.message : String(err)}\n`);
  // Others may still wait for answers.
  process.exit(1);
}
