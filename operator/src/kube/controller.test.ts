import { createFakeClock, createTestTelemetry, silentLogger, type FakeClock } from '@weir/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { ControllerDefinition } from './controller-definition.ts';
import { Controller } from './controller.ts';
import { KubeError } from './kube-error.ts';
import type { Reconcile } from './reconciler.ts';
import type { KubeObject } from './resource.ts';
import { Store } from './store.ts';

const item = (name: string, version: number, generation = 1): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Item',
  metadata: { name, namespace: 'a', uid: name, resourceVersion: String(version), generation },
});

interface Run {
  readonly key: string;
  readonly atMs: number;
  readonly signal: AbortSignal;
}

const telemetries: { close(): Promise<void> }[] = [];
afterEach(() => Promise.all(telemetries.splice(0).map((telemetry) => telemetry.close())));

function start(reconcile: Reconcile, options: Partial<ControllerDefinition> = {}) {
  const clock: FakeClock = createFakeClock();
  const telemetry = createTestTelemetry();
  telemetries.push(telemetry);
  const store = new Store<KubeObject>({ clock, logger: silentLogger, scopes: [''] });
  const runs: Run[] = [];
  const controller = new Controller(
    {
      name: 'item',
      primary: store,
      reconcile: (key, context) => {
        runs.push({ key, atMs: clock.monotonicMs(), signal: context.signal });
        return reconcile(key, context);
      },
      ...options,
    },
    { clock, logger: silentLogger, telemetry, random: () => 0.5 },
  );
  const metric = async (line: string): Promise<number> => {
    const found = (await telemetry.scrape()).split('\n').find((each) => each.startsWith(`${line} `));
    return Number(found?.split(' ').at(-1));
  };
  return { clock, store, controller, runs, metric, times: () => runs.splice(0).map(({ atMs }) => atMs) };
}

const succeed: Reconcile = async () => ({});
const fail =
  (error: Error): Reconcile =>
  async () => {
    throw error;
  };

describe('a controller', () => {
  it('notes changes from the first moment on and works on them once it is started', async () => {
    const { clock, store, controller, runs } = start(succeed);
    store.replace('', [item('x', 1), item('y', 1)]);
    store.put(item('x', 2));
    await clock.advance(1_000);
    expect(runs).toEqual([]);
    controller.start();
    await clock.advance(0);
    expect(runs.map(({ key }) => key)).toEqual(['a/x', 'a/y']);
  });

  it('works on what was watched before what was merely listed', async () => {
    const { clock, store, controller, runs } = start(succeed, { concurrency: 1 });
    store.replace('', [item('x', 1), item('y', 1)]);
    store.put(item('z', 2));
    controller.start();
    await clock.advance(0);
    expect(runs.map(({ key }) => key)).toEqual(['a/z', 'a/x', 'a/y']);
  });

  it('has so many objects under way at once, and never one twice', async () => {
    let most = 0;
    const open = new Map<string, () => void>();
    const slow: Reconcile = (key) =>
      new Promise((resolve) => {
        expect(open.has(key)).toBe(false);
        open.set(key, () => resolve({}));
        most = Math.max(most, open.size);
      });
    const { clock, store, controller, runs, metric } = start(slow, { concurrency: 2 });
    controller.start();
    store.replace('', [item('x', 1), item('y', 1), item('z', 1)]);
    await clock.advance(0);
    store.put(item('x', 2));
    await clock.advance(0);
    expect(await metric('controller_runtime_active_workers{controller="item"}')).toBe(2);
    for (let n = 0; n < 4; n += 1) {
      const [[key, finish] = ['', () => {}]] = open;
      open.delete(key);
      finish();
      await clock.advance(0);
    }
    expect(most).toBe(2);
    expect(runs.map(({ key }) => key)).toEqual(['a/x', 'a/y', 'a/x', 'a/z']);
  });

  it('comes back after the time that a reconcile asks for, which is no failure', async () => {
    const { clock, store, controller, times, metric } = start(async () => ({ requeueAfterMs: 2_000 }));
    controller.start();
    store.put(item('x', 1));
    await clock.advance(4_500);
    expect(times()).toEqual([0, 2_000, 4_000]);
    expect(await metric('controller_runtime_reconcile_total{controller="item",result="requeue_after"}')).toBe(3);
    expect(await metric('workqueue_retries_total{name="item",controller="item"}')).toBe(0);
  });

  it('repeats a failure with growing delays, and counts it', async () => {
    const { clock, store, controller, times, metric } = start(fail(new Error('away')));
    controller.start();
    store.put(item('x', 1));
    await clock.advance(80);
    expect(times()).toEqual([0, 5, 15, 35, 75]);
    expect(await metric('controller_runtime_reconcile_errors_total{controller="item"}')).toBe(5);
    expect(await metric('controller_runtime_reconcile_panics_total{controller="item"}')).toBe(0);
  });

  it('begins the delays anew after a success, and with a new generation', async () => {
    let isFailing = true;
    const flaky: Reconcile = async () => {
      if (isFailing) throw new Error('away');
      return {};
    };
    const { clock, store, controller, times } = start(flaky);
    controller.start();
    store.put(item('x', 1));
    await clock.advance(700);
    expect(times().length).toBe(8);
    store.put(item('x', 2, 2));
    await clock.advance(10);
    const [first = 0, second = 0] = times();
    expect(second - first).toBe(5);
    isFailing = false;
    await clock.advance(10);
    times();
    isFailing = true;
    store.put(item('x', 3, 2));
    await clock.advance(6);
    const [again = 0, repeated = 0] = times();
    expect(repeated - again).toBe(5);
  });

  it('leaves alone what the server turned down, until it changes', async () => {
    const rejected = new KubeError({ kind: 'rejected', message: 'no' });
    const { clock, store, controller, times, metric } = start(fail(rejected));
    controller.start();
    store.put(item('x', 1));
    await clock.advance(3_600_000);
    expect(times()).toEqual([0]);
    expect(await metric('controller_runtime_terminal_reconcile_errors_total{controller="item"}')).toBe(1);
    store.put(item('x', 2));
    await clock.advance(0);
    expect(times()).toEqual([3_600_000]);
  });

  it('counts what only a mistake in the code throws, and goes on with it and with the others', async () => {
    const broken: Reconcile = async (key) => {
      if (key === 'a/x') throw new TypeError('undefined is not a function');
      return {};
    };
    const { clock, store, controller, runs, metric } = start(broken, { concurrency: 1 });
    controller.start();
    store.put(item('x', 1));
    store.put(item('y', 1));
    await clock.advance(6);
    expect(runs.map(({ key }) => key)).toEqual(['a/x', 'a/y', 'a/x']);
    expect(await metric('controller_runtime_reconcile_panics_total{controller="item"}')).toBe(2);
  });

  it('ends a reconcile whose time is up, and repeats it', async () => {
    const hang: Reconcile = (_key, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const { clock, store, controller, times } = start(hang, { timeoutMs: 1_000 });
    controller.start();
    store.put(item('x', 1));
    await clock.advance(1_500);
    expect(times()).toEqual([0, 1_005]);
  });

  it('says that it hangs when a reconcile ignores that its time is up', async () => {
    const { clock, store, controller } = start(() => new Promise(() => {}), { timeoutMs: 1_000 });
    controller.start();
    store.put(item('x', 1));
    await clock.advance(60_000);
    expect(controller.fault).toBeUndefined();
    await clock.advance(1_000);
    expect(controller.fault).toBe('A reconcile of item has not ended for 61 s.');
  });

  it('looks at everything again with the resync, sooner or later by a tenth', async () => {
    const { clock, store, controller, times } = start(succeed, { resyncMs: 10_000 });
    store.replace('', [item('x', 1)]);
    controller.start();
    await clock.advance(20_000);
    expect(times()).toEqual([0, 9_500, 19_000]);
  });

  it('waits for the watch when this process has written something newer than what is here', async () => {
    const { clock, store, controller, times } = start(succeed);
    controller.start();
    store.put(item('x', 1));
    await clock.advance(0);
    store.noteWritten(item('x', 7));
    store.put(item('x', 5));
    await clock.advance(100);
    expect(times()).toEqual([0]);
    store.put(item('x', 7));
    await clock.advance(0);
    expect(times()).toEqual([100]);
  });

  it('is synced when every source is', () => {
    let isSynced = false;
    const source = {
      get synced() {
        return isSynced;
      },
      subscribe: () => () => {},
    };
    const { store, controller } = start(succeed, { sources: [source] });
    expect(controller.synced).toBe(false);
    store.replace('', []);
    expect(controller.synced).toBe(false);
    isSynced = true;
    expect(controller.synced).toBe(true);
  });

  it('lets what is under way end when it stops, and takes nothing new', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, store, controller, runs } = start(() => promise.then(() => ({ requeueAfterMs: 1 })));
    controller.start();
    store.put(item('x', 1));
    await clock.advance(0);
    let hasStopped = false;
    const stopped = controller.stop().then(() => (hasStopped = true));
    store.put(item('y', 1));
    await clock.advance(100);
    expect({ hasStopped, isAborted: runs[0]?.signal.aborted }).toEqual({ hasStopped: false, isAborted: false });
    resolve();
    await stopped;
    await clock.advance(100);
    expect(runs.map(({ key }) => key)).toEqual(['a/x']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends what is under way when it is aborted', async () => {
    const hang: Reconcile = (_key, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const { clock, store, controller, runs, metric } = start(hang, { resyncMs: 1_000 });
    controller.start();
    store.put(item('x', 1));
    await clock.advance(0);
    controller.abort(new Error('not the leader any more'));
    await controller.stop();
    await clock.advance(10_000);
    expect(runs).toHaveLength(1);
    expect(await metric('controller_runtime_reconcile_errors_total{controller="item"}')).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});
