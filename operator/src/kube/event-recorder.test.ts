import { createFakeClock, silentLogger } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { KubeEventRecorder, type ObjectEvent } from './event-recorder.ts';
import type { KubeObject } from './resource.ts';

const feed: KubeObject = {
  apiVersion: 'weir.dev/v1alpha1',
  kind: 'PriceFeed',
  metadata: { name: 'majors', namespace: 'weir', uid: 'u1', resourceVersion: '7' },
};
const event: ObjectEvent = {
  regarding: feed,
  type: 'Normal',
  reason: 'Suspended',
  action: 'Suspend',
  note: 'as asked',
};

function open(answer: () => Promise<void> = async () => {}) {
  const clock = createFakeClock();
  const calls: Record<string, unknown>[] = [];
  let lost = 0;
  const recorder = new KubeEventRecorder({
    client: {
      create: async (_type, object) => {
        calls.push({ create: object });
        await answer();
        return object;
      },
      merge: async (_type, name, patch) => {
        calls.push({ merge: name.name, ...patch });
        await answer();
        // Nobody reads it.
        return {} as never;
      },
    },
    controller: 'weir.dev/operator',
    instance: 'operator-0',
    clock,
    logger: silentLogger,
    lost: { add: () => (lost += 1) },
  });
  return { clock, recorder, calls, lost: () => lost };
}

describe('an event recorder', () => {
  it('tells an event in the namespace of what it is about, as events.k8s.io has it', async () => {
    const { clock, recorder, calls } = open();
    recorder.record(event);
    await clock.advance(0);
    expect(calls).toEqual([
      {
        create: {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: expect.stringMatching(/^majors\.[0-9a-f]{16}$/), namespace: 'weir' },
          eventTime: '2026-01-01T00:00:00.000000Z',
          reportingController: 'weir.dev/operator',
          reportingInstance: 'operator-0',
          action: 'Suspend',
          reason: 'Suspended',
          type: 'Normal',
          note: 'as asked',
          regarding: {
            apiVersion: 'weir.dev/v1alpha1',
            kind: 'PriceFeed',
            namespace: 'weir',
            name: 'majors',
            uid: 'u1',
            resourceVersion: '7',
          },
        },
      },
    ]);
  });

  it('counts repetitions on the first one, in one call for many', async () => {
    const { clock, recorder, calls } = open();
    for (let n = 0; n < 50; n += 1) recorder.record(event);
    await clock.advance(60_000);
    expect(calls.slice(1)).toEqual([
      {
        merge: expect.stringMatching(/^majors\./),
        series: { count: 50, lastObservedTime: '2026-01-01T00:00:30.000000Z' },
      },
    ]);
    recorder.record(event);
    await clock.advance(60_000);
    expect(calls.at(-1)).toMatchObject({ series: { count: 51 } });
  });

  it('takes what differs, or comes after a quiet time, for an event of its own', async () => {
    const { clock, recorder, calls } = open();
    recorder.record(event);
    recorder.record({ ...event, note: 'otherwise' });
    recorder.record({ ...event, regarding: { ...feed, metadata: { ...feed.metadata, uid: 'u2' } } });
    await clock.advance(6 * 60_000);
    recorder.record(event);
    await clock.advance(0);
    expect(calls.filter((call) => 'create' in call)).toHaveLength(4);
    expect(calls).toHaveLength(4);
  });

  it('cuts a note that the server would refuse', async () => {
    const { clock, recorder, calls } = open();
    recorder.record({ ...event, note: 'x'.repeat(5_000) });
    await clock.advance(0);
    const [{ create } = { create: undefined }] = calls;
    expect((create as { note: string }).note).toHaveLength(1_024);
  });

  it('never fails who tells it: what cannot be told is counted as lost', async () => {
    const { clock, recorder, lost } = open(async () => {
      throw new Error('forbidden');
    });
    recorder.record(event);
    recorder.record({ ...event, reason: 'Other' });
    await clock.advance(0);
    expect(lost()).toBe(2);
  });

  it('holds a bounded number back while the server does not answer', async () => {
    const { recorder, calls, lost } = open(() => new Promise(() => {}));
    for (let n = 0; n < 1_500; n += 1) recorder.record({ ...event, note: String(n) });
    expect([calls.length, lost()]).toEqual([1, 499]);
  });

  it('tells what was recorded before a stop, and nothing after it', async () => {
    const { clock, recorder, calls, lost } = open();
    recorder.record(event);
    recorder.record(event);
    await recorder.stop();
    recorder.record({ ...event, reason: 'Late' });
    await clock.advance(600_000);
    expect([calls.length, lost(), clock.pendingTimers]).toEqual([1, 1, 0]);
  });
});
