import { createFakeClock } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { WorkQueue } from './work-queue.ts';

function open() {
  const clock = createFakeClock();
  const queue = new WorkQueue<string>(clock);
  const takeKey = async (): Promise<string | undefined> => (await queue.take())?.key;
  /** What can be taken without waiting, each said to be done at once. */
  const drain = async (): Promise<string[]> => {
    const keys: string[] = [];
    while (queue.length > 0) {
      const key = (await takeKey()) ?? '';
      keys.push(key);
      queue.done(key);
    }
    return keys;
  };
  return { clock, queue, takeKey, drain };
}

describe('a work queue', () => {
  it('hands a key out once, however often it was added', async () => {
    const { queue, drain } = open();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    expect(queue.length).toBe(2);
    expect(await drain()).toEqual(['a', 'b']);
  });

  it('never hands out a key that is being worked on; it comes again afterwards', async () => {
    const { queue, takeKey } = open();
    queue.add('a');
    expect(await takeKey()).toBe('a');
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(queue.length).toBe(1);
    expect(await takeKey()).toBe('b');
    queue.done('a');
    expect(queue.length).toBe(1);
    expect(await takeKey()).toBe('a');
  });

  it('puts what is urgent before what is not, and moves up what becomes urgent', async () => {
    const { queue, drain } = open();
    for (const key of ['l1', 'l2', 'l3']) queue.add(key, { isLowPriority: true });
    queue.add('u1');
    queue.add('l3');
    queue.add('u1', { isLowPriority: true });
    expect(await drain()).toEqual(['u1', 'l3', 'l1', 'l2']);
  });

  it('remembers the higher priority of what is added while it is being worked on', async () => {
    const { queue, takeKey, drain } = open();
    queue.add('a');
    await takeKey();
    queue.add('low', { isLowPriority: true });
    queue.add('a', { isLowPriority: true });
    queue.add('a');
    queue.add('a', { isLowPriority: true });
    queue.done('a');
    expect(await drain()).toEqual(['a', 'low']);
  });

  it('gives a key to whoever has waited longest', async () => {
    const { queue, takeKey } = open();
    const takers = [takeKey(), takeKey()];
    queue.add('a');
    queue.add('b');
    expect(await Promise.all(takers)).toEqual(['a', 'b']);
  });

  it('adds what is delayed when its time has come; the last delay counts', async () => {
    const { clock, queue, drain } = open();
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 3_000);
    queue.addAfter('b', 2_000);
    await clock.advance(2_999);
    expect(await drain()).toEqual(['b']);
    await clock.advance(1);
    expect(await drain()).toEqual(['a']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('forgets a delay when the key is taken before it: whoever works on it now decides anew', async () => {
    const { clock, queue, drain } = open();
    queue.addAfter('a', 1_000);
    queue.add('a');
    expect(await drain()).toEqual(['a']);
    await clock.advance(5_000);
    expect(queue.length).toBe(0);
  });

  it('keeps a delay that is asked for while the key is being worked on', async () => {
    const { clock, queue, takeKey, drain } = open();
    queue.add('a');
    await takeKey();
    queue.addAfter('a', 1_000);
    queue.done('a');
    expect(queue.length).toBe(0);
    await clock.advance(1_000);
    expect(await drain()).toEqual(['a']);
  });

  it('says how long keys waited and how long they have been worked on', async () => {
    const { clock, queue } = open();
    queue.add('a', { isLowPriority: true });
    await clock.advance(700);
    queue.add('a');
    await clock.advance(300);
    expect(await queue.take()).toEqual({ key: 'a', waitedMs: 1_000 });
    await clock.advance(50);
    expect(queue.workingTimes()).toEqual([50]);
  });

  it('hands out nothing once it is closed, tells those who wait, and leaves no timer', async () => {
    const { clock, queue, takeKey } = open();
    const waiting = takeKey();
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 1_000);
    queue.close();
    expect(await waiting).toBe('a');
    expect([await takeKey(), queue.length, clock.pendingTimers]).toEqual([undefined, 0, 0]);
    queue.done('a');
    queue.add('a');
    expect(queue.length).toBe(0);
  });

  it('refuses that a key is done which nobody has', () => {
    expect(() => open().queue.done('a')).toThrow('not being worked on');
  });
});
