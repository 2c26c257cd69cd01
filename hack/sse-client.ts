/** Follows prices as server-sent events, as any client may: see docs/sse.md. Nothing of Weir is imported, so it can be copied. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const USAGE = `Usage: npm run --silent sse -- [options] <asset>...

Follows the prices of up to 100 assets and prints every event as a line of JSON: {"event":"price","id":"…","data":{…}}.
When a stream ends or breaks, it opens another one after the time that the server asks for, with Last-Event-ID.

  --url <url>     of the price service (http://127.0.0.1:8080)
  --key <key>     the API key; better in WEIR_API_KEY, where no list of processes shows it
  --count <n>     events, then it ends (0: until it is stopped)
`;
const EXIT_USAGE = 2;
/** The server sends something every ten seconds; after this it is taken for gone. */
const SILENCE_MS = 30_000;
const RETRY_MS = 1_000;

/** Said without a stack: what the user can mend. */
class Failure extends Error {}

interface Order {
  readonly url: URL;
  readonly key: string;
  readonly count: number;
}

interface StreamEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** Where the next stream goes on; the same over all of them. */
interface Position {
  lastId: string | undefined;
  retryMs: number;
  events: number;
}

/** What stands between two empty lines. A comment, and what only says `retry`, is no event. */
function readEvent(block: string, position: Position): StreamEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}\n${value}`);
  }
  const retryMs = Number(fields.get('retry') ?? Number.NaN);
  if (Number.isInteger(retryMs)) position.retryMs = retryMs;
  const data = fields.get('data');
  if (data === undefined) return undefined;
  const id = fields.get('id');
  position.lastId = id ?? position.lastId;
  return { event: fields.get('event') ?? 'message', id, data: JSON.parse(data) };
}

async function open({ url, key }: Order, { lastId }: Position, signal: AbortSignal): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, accept: 'text/event-stream' };
  return fetch(url, { headers: { ...headers, ...(lastId !== undefined && { 'last-event-id': lastId }) }, signal });
}

/** Waits as a refusal says, or throws when the same request can never succeed. */
async function waitOut(response: Response, position: Position): Promise<void> {
  const text = await response.text();
  const problem = text.startsWith('{') ? describe(JSON.parse(text)) : `${response.status} ${text.slice(0, 200)}`;
  if (response.status !== 429 && response.status !== 503) throw new Failure(problem);
  const waitMs = Number(response.headers.get('retry-after') ?? '1') * 1_000;
  process.stderr.write(`${problem}; again in ${waitMs / 1_000} s\n`);
  position.retryMs = waitMs;
}

function describe(problem: unknown): string {
  // Its members are looked at one by one.
  const { status, code, detail, fix } = problem as Readonly<Record<string, string | number | undefined>>;
  return [status, code, detail, fix].filter((each) => each !== undefined).join(' · ');
}

/** One stream, to its end; throws what cannot be mended by another one. */
async function follow(order: Order, position: Position): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await open(order, position, silence.signal);
    if (response.status !== 200 || response.body === null) return await waitOut(response, position);
    position.retryMs = RETRY_MS;
    let rest = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = readEvent(block, position);
        if (event !== undefined && tell(event, order, position)) return;
      }
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** True when it was the last one asked for. */
function tell(event: StreamEvent, { count }: Order, position: Position): boolean {
  process.stdout.write(`${JSON.stringify(event)}\n`);
  position.events += 1;
  if (position.events === count) return true;
  // As the data of an "end" has it.
  const { status } = (event.event === 'end' ? event.data : {}) as { readonly status?: number };
  if (status !== undefined && status !== 429 && status !== 503) throw new Failure(describe(event.data));
  return false;
}

async function run(order: Order): Promise<void> {
  const position: Position = { lastId: undefined, retryMs: RETRY_MS, events: 0 };
  while (order.count === 0 || position.events < order.count) {
    try {
      await follow(order, position);
    } catch (err) {
      if (err instanceof Failure) throw err;
      if (position.events === 0 && position.lastId === undefined)
        throw new Failure(`${order.url.origin} does not answer: is --url right?`, { cause: err });
      process.stderr.write(`the stream broke; again in ${position.retryMs / 1_000} s\n`);
    }
    if (order.count === 0 || position.events < order.count) await sleep(position.retryMs);
  }
}

function readOrder(): Order | undefined {
  const text = { type: 'string' } as const;
  const help = { type: 'boolean', short: 'h' } as const;
  const options = { url: text, key: text, count: text, help } as const;
  const { positionals: assets, values } = parseArgs({ allowPositionals: true, options });
  if (values.help === true) return undefined;
  const key = values.key ?? process.env['WEIR_API_KEY'] ?? '';
  if (key === '') throw new Failure('no API key: set WEIR_API_KEY');
  if (assets.length === 0) throw new Failure('no asset: name one, such as BTC');
  const base = values.url ?? 'http://127.0.0.1:8080';
  if (!URL.canParse(base)) throw new Failure(`--url takes an address such as http://127.0.0.1:8080, not "${base}"`);
  const count = values.count ?? '0';
  if (!/^\d{1,9}$/.test(count)) throw new Failure(`--count takes a whole number, not "${count}"`);
  const url = new URL(`/prices/stream?assets=${encodeURIComponent(assets.join(','))}`, base);
  return { url, key, count: Number(count) };
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
  await run(order);
}

try {
  await main();
} catch (err) {
  process.stderr.write(`${err instanceof Failure ? err.message : String(err)}\n`);
  process.exitCode = 1;
}
