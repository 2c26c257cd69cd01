import { describe, expect, it } from 'vitest';
import { machineUs, readStamp, STAMP_LINE, writeStamp } from './send-stamp.ts';

const HEAD = 'GET / HTTP/1.1\r\n';

const headersOf = (text: string): string[] =>
  text
    .trimEnd()
    .split('\r\n')
    .slice(1)
    .flatMap((line) => line.split(': '));

describe('writeStamp', () => {
  it('writes what readStamp reads, and nothing else of the request', () => {
    const request = `${HEAD}A: b\r\n${STAMP_LINE}\r\n`;
    const bytes = Buffer.from(`${request}${request}`);
    writeStamp(bytes, request.length, 1_234_567_890_123);
    writeStamp(bytes, 2 * request.length, 7);
    const [first = '', second = ''] = [0, 1].map((place) =>
      bytes.toString('latin1', place * request.length, (place + 1) * request.length),
    );
    expect(readStamp(headersOf(first))).toBe(1_234_567_890_123);
    expect(readStamp(headersOf(second))).toBe(7);
    expect(second).toBe(request.replace('0\r\n\r\n', '7\r\n\r\n'));
  });
});

describe('readStamp', () => {
  it('is silent about a request without a stamp', () => {
    expect(readStamp(['Host', '127.0.0.1'])).toBeUndefined();
    expect(readStamp([])).toBeUndefined();
  });
});

describe('machineUs', () => {
  it('never goes back', () => {
    const first = machineUs();
    expect(machineUs()).toBeGreaterThanOrEqual(first);
  });
});
