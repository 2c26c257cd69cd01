import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { venues } from '../../services/lib/venues/index.ts';

const TOOL = join(import.meta.dirname, '..', 'decode.ts');
const TICKER =
  '{"type":"ticker","product_id":"BTC-USD","price":"64123.070","best_bid":"64123.06","best_ask":"64123.08","time":"2026-10-03T20:58:31.127510Z"}';

interface Run {
  readonly code: number | null;
  readonly lines: readonly unknown[];
  readonly stderr: string;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-decode-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function decode(args: readonly string[], stdin: string | Buffer = ''): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [TOOL, ...args],
      { maxBuffer: 1 << 28 },
      (_error, stdout: string, stderr: string) => {
        const lines = stdout.split('\n').filter((line) => line !== '');
        const isHelp = args.includes('--help');
        resolve({
          code: child.exitCode,
          lines: lines.map((line): unknown => (isHelp ? line : JSON.parse(line))),
          stderr,
        });
      },
    );
    child.stdin?.end(stdin);
  });
}

test('frames that are spread over lines are told once', async () => {
  const spread = await decode(['coinbase'], JSON.stringify(JSON.parse(TICKER), undefined, 2));
  expect(spread.stderr).toContain('One frame stands on one line');
  expect(spread.code).toBe(0);
  expect((await decode(['okx'], 'pong\n')).stderr).toBe('');
  expect((await decode(['coinbase'], '\n')).stderr).toBe('');
  expect((await decode(['coinbase'], `hello\n${TICKER}\n`)).stderr).toBe('');
});

test('prints one line per frame, in order, from stdin', async () => {
  const frames = [
    TICKER,
    '',
    '{"channel":"ticker"}',
    'hello',
    '{"type":"heartbeat","product_id":"BTC-USD","last_trade_id":7}',
  ];
  const { code, lines } = await decode(['coinbase'], `${frames.join('\n')}\n`);
  expect(code).toBe(0);
  expect(lines).toEqual([
    {
      kind: 'ticker',
      symbol: 'BTC-USD',
      asset: 'BTC',
      quote: 'USD',
      price: '64123.07',
      bid: '64123.06',
      ask: '64123.08',
      tradeTime: '2026-10-03T20:58:31.127510Z',
    },
    { kind: 'ignored', why: 'empty frame' },
    { kind: 'ignored', why: 'another protocol: channel "ticker"' },
    { kind: 'ignored', why: 'not a JSON object' },
    { kind: 'heartbeat', symbol: 'BTC-USD', lastTradeId: '7' },
  ]);
});

test('reads a file, with Windows line ends and without a last newline', async () => {
  const path = join(folder, 'frames.jsonl');
  writeFileSync(path, `\uFEFF${TICKER}\r\n${TICKER}`);
  const { code, lines } = await decode(['Coinbase', path]);
  expect(code).toBe(0);
  expect(lines).toMatchObject([{ price: '64123.07' }, { price: '64123.07' }]);
});

test('a frame that holds several things is one line', async () => {
  const item = (symbol: string, last: string): string => `{"symbol":"${symbol}","last":${last}}`;
  const frame = `{"channel":"ticker","data":[${item('BTC/USD', '0.13110')},${item('ETH/USD', '8.12e-7')}]}`;
  const { lines } = await decode(['kraken'], frame);
  expect(lines).toMatchObject([{ kind: 'batch', events: [{ price: '0.1311' }, { price: '0.000000812' }] }]);
});

test('tells what to do with a line of a recording', async () => {
  const { lines } = await decode(['coinbase'], JSON.stringify({ dir: 'in', t: '1', raw: TICKER }));
  expect(lines).toMatchObject([{ kind: 'ignored', why: expect.stringContaining('the text under "raw"') as string }]);
});

test('binary, huge and broken input is ignored line by line', async () => {
  const noise = Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 7_919) % 256));
  const newlines = noise.filter((byte) => byte === 0x0a).length;
  const huge = Buffer.alloc(6 * 1024 * 1024, 'x');
  const deep = Buffer.from(`{"type":${'['.repeat(100_000)}`);
  const input = [noise, Buffer.from('\n'), huge, Buffer.from('\n'), deep, Buffer.from(`\n${TICKER}\n`)];
  const { code, lines } = await decode(['coinbase'], Buffer.concat(input));
  expect(code).toBe(0);
  expect(lines).toHaveLength(newlines + 4);
  expect(lines.at(-3)).toEqual({ kind: 'ignored', why: 'longer than 4194304 bytes' });
  expect(lines.at(-1)).toMatchObject({ kind: 'ticker' });
});

test('a reader that goes away ends it quietly', async () => {
  const child = spawn(process.execPath, [TOOL, 'coinbase'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  // Its end of the pipe closes while we still write.
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${TICKER}\n`);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.stdout.destroy();
  child.stdin.end(`${TICKER}\n`.repeat(20_000));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test.each([
  [['bitfinex'], 'unknown exchange "bitfinex"; known: coinbase, kraken, gemini'],
  [['__proto__'], 'unknown exchange "__proto__"'],
  [[], 'expected an exchange'],
  [['coinbase', 'a', 'b'], 'at most one file'],
  [['coinbase', join(tmpdir(), 'weir-no-such-file')], 'cannot read'],
  [['coinbase', tmpdir()], 'cannot read'],
])('%j is refused with the reason', async (args, message) => {
  const { code, lines, stderr } = await decode(args);
  expect(code).toBe(2);
  expect(lines).toEqual([]);
  expect(stderr).toContain(message);
});

test('--help names the exchanges', async () => {
  const { code, lines } = await decode(['--help']);
  expect(code).toBe(0);
  expect(lines).toContain(`Exchanges: ${Object.keys(venues).join(', ')}`);
});
