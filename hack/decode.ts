/**
 * Prints what a venue's decoder makes of raw frames: one frame per line in, one JSON line per frame out.
 *
 * For whoever debugs a venue. Any bytes are taken: what is no frame comes out as "ignored", with the reason.
 */
import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';

import { findVenue, venues, type Venue } from '../services/lib/venues/index.ts';

const USAGE = `Usage: npm run --silent decode -- <exchange> [file]

Reads raw WebSocket frames, one per line, from the file or from stdin, and prints for each one JSON line:
  {"kind":"ticker","asset":"BTC","quote":"USD","price":"64123.07","bid":"64123.06","ask":"64123.08","tradeTime":"…"}
  {"kind":"ignored","why":"…"}
A frame that holds several things prints {"kind":"batch","events":[…]}.

Exchanges: ${Object.keys(venues).join(', ')}

Lines of a recording ({"dir":"in","raw":"…"}) hold the frame as text; take it out first:
  jq -r 'select(.dir == "in").raw' recording.jsonl | npm run --silent decode -- coinbase
`;

/** As the connector: a longer frame would have closed its connection. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
const NEWLINE = 0x0a;
const EXIT_USAGE = 2;

/** One line of output for one frame. */
function decodeLine(venue: Venue, frame: string): string {
  const events = venue.decode(frame);
  const [event] = events;
  if (events.length > 1) return JSON.stringify({ kind: 'batch', events });
  if (event?.kind !== 'ignored') return JSON.stringify(event);
  return JSON.stringify({ ...event, why: event.why + hintFor(frame) });
}

function hintFor(frame: string): string {
  if (!frame.includes('"raw"')) return '';
  try {
    const value: unknown = JSON.parse(frame);
    if (typeof value !== 'object' || value === null || !('raw' in value)) return '';
  } catch {
    return '';
  }
  return '; this is a line of a recording, its frame is the text under "raw": see --help';
}

/** Lines of a byte stream; `undefined` stands for one that is too long, of which no more than the limit is kept. */
async function* splitLines(
  input: AsyncIterable<Buffer>,
  lineBytesMax: number = LINE_BYTES_MAX,
): AsyncGenerator<readonly (string | undefined)[]> {
  let parts: Buffer[] = [];
  let bytes = 0;
  const take = (part: Buffer): void => {
    bytes += part.length;
    if (bytes <= lineBytesMax) parts.push(part);
    else parts = [];
  };
  // Without what Windows adds: a mark at the start of a file, a carriage return at the end of a line.
  const finish = (): string | undefined => {
    const line =
      bytes > lineBytesMax
        ? undefined
        : Buffer.concat(parts)
            .toString()
            .replaceAll(/^\uFEFF|\r$/g, '');
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of input) {
    const lines: (string | undefined)[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at));
      lines.push(finish());
      from = at + 1;
    }
    take(chunk.subarray(from));
    yield lines;
  }
  if (bytes > 0) yield [finish()];
}

/** Told once, at the end, when not one line was a frame of the venue, or an object at least. */
const HINT =
  'decode: no line is a frame. One frame stands on one line: join a frame that is spread over several (jq -c .), and unpack a compressed file first (zcat)\n';

async function decodeAll(venue: Venue, input: AsyncIterable<Buffer>, output: Writable): Promise<void> {
  let hasLines = false;
  let hasFrame = false;
  for await (const lines of splitLines(input)) {
    const texts = lines.map((line) =>
      line === undefined
        ? JSON.stringify({ kind: 'ignored', why: `longer than ${LINE_BYTES_MAX} bytes` })
        : decodeLine(venue, line),
    );
    if (texts.length === 0) continue;
    hasLines ||= lines.some((line) => line !== undefined && line.trim() !== '');
    hasFrame ||= lines.some((line) => isFrame(venue, line));
    // A reader slower than we are: wait, so that memory stays small.
    if (!output.write(`${texts.join('\n')}\n`)) await new Promise((resolve) => output.once('drain', resolve));
  }
  if (hasLines && !hasFrame) process.stderr.write(HINT);
}

function isFrame(venue: Venue, line: string | undefined): boolean {
  if (line === undefined) return false;
  if (venue.decode(line).some(({ kind }) => kind !== 'ignored')) return true;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  } catch {
    return false;
  }
}

function fail(message: string): void {
  process.stderr.write(`decode: ${message}\n`);
  process.exitCode = EXIT_USAGE;
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE);
    return;
  }
  const [exchange, path, ...rest] = args;
  if (exchange === undefined || rest.length > 0) {
    fail(`expected an exchange and at most one file\n\n${USAGE}`);
    return;
  }
  const venue = findVenue(exchange.toLowerCase());
  if (venue === undefined) {
    fail(`unknown exchange "${exchange}"; known: ${Object.keys(venues).join(', ')}`);
    return;
  }
  if (path === undefined && process.stdin.isTTY) process.stderr.write('decode: reading frames from the terminal\n');
  try {
    await decodeAll(venue, path === undefined ? process.stdin : createReadStream(path), process.stdout);
  } catch (error) {
    fail(`cannot read ${path ?? 'stdin'}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

if (import.meta.main) {
  // `decode … | head` closes the pipe early, which is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  await main(process.argv.slice(2));
}
