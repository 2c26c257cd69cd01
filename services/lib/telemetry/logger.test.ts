import { WeirError } from '@weir/errors';
import { createTestTelemetry } from '@weir/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { createLogger, currentSpan, type Logger } from './index.ts';

type Line = Readonly<Record<string, unknown>>;

let text: string;
let logger: Logger;

const lines = (): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

beforeEach(() => {
  text = '';
  const destination = { write: (line: string) => void (text += line) };
  logger = createLogger({ service: 'price', base: { node: 'price-0' }, destination });
});

describe('createLogger', () => {
  it('writes one JSON line with level, time, service and message', () => {
    logger.info({ lagMs: 3 }, 'feed caught up');
    logger.debug('unseen');
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        service: 'price',
        node: 'price-0',
        lagMs: 3,
        msg: 'feed caught up',
      },
    ]);
  });

  it('names the trace on every line within a span, across awaits, and on none outside', async () => {
    const telemetry = createTestTelemetry({ traceSampleRatio: 1 });
    const span = telemetry.tracing.start('outer');
    await span?.run(async () => {
      logger.info('in');
      await new Promise((resolve) => setImmediate(resolve));
      logger.child({ part: 'x' }).info('later');
    });
    logger.info('out');
    const ids = lines().map(({ trace_id, span_id }) => ({ trace_id, span_id }));
    const own = { trace_id: span?.traceId, span_id: span?.spanId };
    expect(own.trace_id).toMatch(/^[0-9a-f]{32}$/);
    expect(ids).toEqual([own, own, {}]);
    expect(currentSpan()).toBeUndefined();
    await telemetry.close();
  });

  it('keeps the fields of a line beside those of the trace', async () => {
    const telemetry = createTestTelemetry({ traceSampleRatio: 1 });
    telemetry.tracing.start('a')?.run(() => {
      logger.info({ a: 1 }, 'first');
      logger.info({ b: 2 }, 'second');
    });
    expect(lines()[1]).not.toHaveProperty('a');
    await telemetry.close();
  });

  it.each<[string, (secret: string) => void]>([
    ['authorization header', (secret) => logger.info({ req: { headers: { authorization: `Bearer ${secret}` } } }, 'x')],
    ['apiKey', (secret) => logger.info({ apiKey: secret }, 'x')],
    ['password of a child logger', (secret) => logger.child({ valkey: { password: secret } }).info('x')],
    ['secret in a list', (secret) => logger.info({ keys: [{ secret }] }, 'x')],
    ['token of another type', (secret) => logger.info({ token: [secret, { value: secret }] }, 'x')],
    ['URL in a field', (secret) => logger.info({ url: `redis://default:${secret}@valkey:6379` }, 'x')],
    ['URL in a message', (secret) => logger.info(`cannot reach postgres://weir:${secret}@db/weir`)],
    ['message of an error', (secret) => logger.error({ err: new Error(`AUTH redis://:${secret}@v`) }, 'x')],
    [
      'cause of an error',
      (secret) => logger.error({ err: new WeirError('INTERNAL', { cause: new Error(`Bearer ${secret}`) }) }, 'x'),
    ],
    ['key text', (secret) => logger.info({ note: `weir_live_${secret}` }, 'x')],
  ])('takes out the %s', (_name, write) => {
    write('hunter2hunter2');
    expect(lines()).toHaveLength(1);
    expect(text).toContain('[Redacted]');
    expect(text).not.toContain('hunter2');
  });
});
