import { createFakeClock, type FakeClock } from '@weir/testing';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { createLifecycle, DEFAULT_STOP_DEADLINE_MS, type Lifecycle, type SignalTarget } from './index.ts';

interface Line {
  readonly msg: string;
  readonly part?: string;
  readonly notAwaited?: string[];
  readonly isClean?: boolean;
}

const never = (): Promise<void> => new Promise(() => undefined);

let clock: FakeClock;
let lines: Line[];
let lifecycle: Lifecycle;
let events: string[];

beforeEach(() => {
  clock = createFakeClock();
  lines = [];
  events = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line) as Line) });
  lifecycle = createLifecycle({ clock, logger });
});

describe('createLifecycle', () => {
  it('goes from starting to ready, draining and stopped', async () => {
    expect(lifecycle.state).toBe('starting');
    lifecycle.markReady();
    expect(lifecycle.state).toBe('ready');
    lifecycle.onStop('part', () => void events.push(lifecycle.state));
    await lifecycle.stop('test');
    expect(events).toEqual(['draining']);
    expect(lifecycle.state).toBe('stopped');
    lifecycle.markReady();
    expect(lifecycle.state).toBe('stopped');
  });

  it('stops parts one after the other, the last registered first', async () => {
    lifecycle.onStop('store', () => void events.push('store'));
    lifecycle.onStop('server', async () => {
      events.push('server begins');
      await Promise.resolve();
      events.push('server ends');
    });
    await lifecycle.stop('test');
    expect(events).toEqual(['server begins', 'server ends', 'store']);
  });

  it('announces draining, with its reason, before the first part stops', async () => {
    lifecycle.draining.addEventListener('abort', () => events.push('draining'));
    lifecycle.onStop('part', () => void events.push('part'));
    await lifecycle.stop('SIGTERM');
    expect(events).toEqual(['draining', 'part']);
    expect(lifecycle.draining.reason).toEqual(new Error('stopping: SIGTERM'));
  });

  it('tells how much of the time for a stop is left', async () => {
    const left: number[] = [];
    const note = (): void => void left.push(lifecycle.timeLeftMs());
    await clock.advance(5_000);
    note();
    lifecycle.onStop('late', note);
    lifecycle.onStop('slow', () => clock.advance(3_000).then(note));
    await lifecycle.stop('test');
    await clock.advance(DEFAULT_STOP_DEADLINE_MS);
    note();
    expect(left).toEqual([DEFAULT_STOP_DEADLINE_MS, 7_000, 7_000, 0]);
  });

  it('stops once, however often it is asked', async () => {
    lifecycle.onStop('part', () => void events.push('part'));
    const first = lifecycle.stop('a');
    expect(lifecycle.stop('b')).toBe(first);
    await first;
    expect(events).toEqual(['part']);
  });

  it('stops the other parts when one fails, and says which', async () => {
    lifecycle.onStop('store', () => void events.push('store'));
    lifecycle.onStop('rejects', () => Promise.reject(new Error('no')));
    lifecycle.onStop('throws', () => {
      throw new Error('no');
    });
    await lifecycle.stop('test');
    expect(events).toEqual(['store']);
    expect(lines.filter(({ msg }) => msg === 'part failed to stop').map(({ part }) => part)).toEqual([
      'throws',
      'rejects',
    ]);
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped', isClean: false });
  });

  it('gives all parts together one deadline, then tells the rest without waiting', async () => {
    lifecycle.onStop('first', () => void events.push('first'));
    lifecycle.onStop('second', () => {
      events.push('second');
      return never();
    });
    lifecycle.onStop('hangs', never);
    let isStopped = false;
    void lifecycle.stop('test').then(() => (isStopped = true));
    await clock.advance(DEFAULT_STOP_DEADLINE_MS - 1);
    expect({ isStopped, events }).toEqual({ isStopped: false, events: [] });
    await clock.advance(1);
    expect({ isStopped, events }).toEqual({ isStopped: true, events: ['second', 'first'] });
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'stop deadline passed', part: 'hangs', notAwaited: ['first', 'second'] }),
    );
  });

  it('leaves no timer behind', async () => {
    await lifecycle.stop('test');
    expect(clock.pendingTimers).toBe(0);
  });

  it('stops a part that comes up while the others go down, or after', async () => {
    lifecycle.onStop('first', () => lifecycle.onStop('late', () => void events.push('late')));
    await lifecycle.stop('test');
    lifecycle.onStop('too late', () => void events.push('too late'));
    expect(events).toEqual(['late', 'too late']);
  });
});

describe('handleSignals', () => {
  const codes: number[] = [];
  const listeners = new Map<string, (value?: unknown) => void>();
  // The two members that handleSignals takes of a process, without ending this one.
  const target = {
    on: (event: string, listener: (value?: unknown) => void) => listeners.set(event, listener),
    exit: (code: number) => codes.push(code),
  } as unknown as SignalTarget;

  beforeEach(() => {
    codes.length = 0;
    listeners.clear();
    lifecycle.handleSignals(target);
  });

  it.each(['SIGTERM', 'SIGINT'])('drains on %s and leaves with 0', async (signal) => {
    lifecycle.onStop('part', () => void events.push('part'));
    listeners.get(signal)?.();
    await clock.advance(0);
    expect({ events, codes }).toEqual({ events: ['part'], codes: [0] });
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ])('leaves at once on a second signal %s', async (signal, code) => {
    lifecycle.onStop('hangs', never);
    listeners.get('SIGTERM')?.();
    await clock.advance(0);
    expect(codes).toEqual([]);
    listeners.get(signal)?.();
    expect(codes).toEqual([code]);
  });

  it('leaves with 1 when a part failed or the deadline passed', async () => {
    lifecycle.onStop('hangs', never);
    listeners.get('SIGTERM')?.();
    await clock.advance(DEFAULT_STOP_DEADLINE_MS);
    expect(codes).toEqual([1]);
  });

  it.each(['unhandledRejection', 'uncaughtException'])('logs %s as fatal, stops and leaves with 1', async (event) => {
    lifecycle.onStop('part', () => void events.push('part'));
    listeners.get(event)?.(new Error('lost'));
    await clock.advance(0);
    expect({ events, codes }).toEqual({ events: ['part'], codes: [1] });
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 60, msg: 'unexpected fault, stopping', reason: event }),
    );
  });

  it('leaves with 1 when a fault comes while a signal drains', async () => {
    const gate = Promise.withResolvers<void>();
    lifecycle.onStop('part', () => gate.promise);
    listeners.get('SIGTERM')?.();
    listeners.get('unhandledRejection')?.(new Error('lost'));
    gate.resolve();
    await clock.advance(0);
    expect(codes[0]).toBe(1);
  });
});
