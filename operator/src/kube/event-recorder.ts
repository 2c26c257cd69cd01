/** Events (events.k8s.io/v1) about objects, for `kubectl describe`. */
import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '@weir/clock';
import type { HotCounter, Logger } from '@weir/telemetry';
import { microTime } from './micro-time.ts';
import type { HttpKubeClient } from './http-kube-client.ts';
import type { KubeObject, ResourceType } from './resource.ts';

export interface ObjectEvent {
  readonly regarding: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** Why, in CamelCase: `KeyIssued`. */
  readonly reason: string;
  /** What was done or tried, in CamelCase: `IssueKey`. */
  readonly action: string;
  /** For people, 1 kB at most; longer ones are cut. */
  readonly note: string;
}

/**
 * For transitions only: what holds for a while belongs in a condition. The same event again within some minutes becomes
 * a count on the first one. It is told in the background, never fails the caller, and may be lost.
 */
export interface EventRecorder {
  record(event: ObjectEvent): void;
}

export interface KubeEventRecorderOptions {
  readonly client: Pick<HttpKubeClient, 'create' | 'merge'>;
  /** `weir.dev/operator`. */
  readonly controller: string;
  /** Pod name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lost: Pick<HotCounter, 'add'>;
}

const EVENT_TYPE: ResourceType = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

const NOTE_LENGTH_MAX = 1_024;
/** A repetition after this time is an event of its own. */
const SERIES_MS = 6 * 60_000;
/** Repetitions are told in one call. */
const TELL_SERIES_AFTER_MS = 30_000;
const KNOWN_MAX = 4_096;
const WAITING_MAX = 1_000;

interface Known {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastMs: number;
  /** Of the call that tells the count. */
  timer?: Timer;
}

type Call = () => Promise<unknown>;

export class KubeEventRecorder implements EventRecorder {
  readonly #options: KubeEventRecorderOptions;
  readonly #known = new Map<string, Known>();
  readonly #waiting: Call[] = [];
  #sending: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: KubeEventRecorderOptions) {
    this.#options = options;
  }

  record(event: ObjectEvent): void {
    const nowMs = this.#options.clock.monotonicMs();
    const id = identityOf(event);
    const known = this.#known.get(id);
    if (known !== undefined && nowMs - known.lastMs < SERIES_MS) {
      known.count += 1;
      known.lastMs = nowMs;
      this.#tellSeries(known);
      return;
    }
    this.#forgetOld(nowMs);
    const fresh: Known = {
      name: `${event.regarding.metadata.name.slice(0, 200)}.${randomBytes(8).toString('hex')}`,
      namespace: event.regarding.metadata.namespace ?? 'default',
      count: 1,
      lastMs: nowMs,
    };
    this.#known.delete(id);
    this.#known.set(id, fresh);
    const object = this.#describe(event, fresh);
    this.#send(() => this.#options.client.create(EVENT_TYPE, object));
  }

  /** Resolves when what was recorded is told or lost. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { timer } of this.#known.values()) timer?.cancel();
    await this.#sending;
  }

  #tellSeries(known: Known): void {
    known.timer ??= this.#options.clock.setTimeout(() => {
      delete known.timer;
      const { name, namespace, count } = known;
      const series = { count, lastObservedTime: microTime(this.#options.clock.nowMs()) };
      this.#send(() => this.#options.client.merge(EVENT_TYPE, { namespace, name }, { series }));
    }, TELL_SERIES_AFTER_MS);
  }

  #describe(event: ObjectEvent, { name, namespace }: Known): KubeObject {
    const { regarding, type, reason, action, note } = event;
    const { apiVersion, kind, metadata } = regarding;
    const { controller, instance, clock } = this.#options;
    const about = { name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion };
    const object = {
      apiVersion: EVENT_TYPE.apiVersion,
      kind: EVENT_TYPE.kind,
      metadata: { name, namespace },
      eventTime: microTime(clock.nowMs()),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      action,
      reason,
      type,
      note: note.length > NOTE_LENGTH_MAX ? `${note.slice(0, NOTE_LENGTH_MAX - 1)}…` : note,
      regarding: { apiVersion, kind, namespace: metadata.namespace, ...about },
    };
    return object;
  }

  #send(call: Call): void {
    if (this.#isStopped || this.#waiting.length >= WAITING_MAX) {
      this.#options.lost.add();
      return;
    }
    this.#waiting.push(call);
    this.#sending ??= this.#drain().finally(() => (this.#sending = undefined));
  }

  async #drain(): Promise<void> {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      try {
        await call();
      } catch (err) {
        this.#options.lost.add();
        this.#options.logger.debug({ err }, 'an event was lost');
      }
    }
  }

  #forgetOld(nowMs: number): void {
    for (const [id, { lastMs }] of this.#known) {
      if (nowMs - lastMs < SERIES_MS && this.#known.size < KNOWN_MAX) break;
      this.#known.delete(id);
    }
  }
}

function identityOf({ regarding, type, reason, action, note }: ObjectEvent): string {
  const { uid, namespace, name } = regarding.metadata;
  return JSON.stringify([regarding.kind, namespace, name, uid, type, reason, action, note]);
}
