import { EventEmitter } from 'node:events';
import type { SignalTarget } from '@weir/lifecycle';
import { createFakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { oncePerKeypress } from './signal-target.ts';

/** An emitter stands for the process: it has `on`, which is all that is used of it. */
function listen(): { emit: (event: string) => void; heard: string[]; clock: ReturnType<typeof createFakeClock> } {
  const emitter = new EventEmitter();
  const clock = createFakeClock();
  const heard: string[] = [];
  const target = oncePerKeypress(emitter as unknown as SignalTarget, clock);
  target.on('SIGINT', () => heard.push('SIGINT'));
  target.on('SIGTERM', () => heard.push('SIGTERM'));
  target.on('unhandledRejection', () => heard.push('fault'));
  return { emit: (event) => void emitter.emit(event), heard, clock };
}

describe('signals of a keypress', () => {
  it('count once when npm hands on what the terminal has sent already', async () => {
    const { emit, heard, clock } = listen();
    emit('SIGINT');
    await clock.advance(40);
    emit('SIGINT');
    expect(heard).toEqual(['SIGINT']);
  });

  it('count twice when somebody presses twice', async () => {
    const { emit, heard, clock } = listen();
    emit('SIGINT');
    await clock.advance(600);
    emit('SIGINT');
    expect(heard).toEqual(['SIGINT', 'SIGINT']);
  });

  it('are told apart by kind, and faults are never passed over', () => {
    const { emit, heard } = listen();
    for (const event of ['SIGINT', 'SIGTERM', 'unhandledRejection', 'unhandledRejection']) emit(event);
    expect(heard).toEqual(['SIGINT', 'SIGTERM', 'fault', 'fault']);
  });
});
