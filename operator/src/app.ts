/**
 * The operator: watches Weir's resources and what belongs to them, and brings about what they ask for.
 *
 * Guarantees: one process of several acts, the others have read everything and take over within 15 s, at once when the
 * leader stops in good order; a process that was frozen writes nothing more; no reconcile is broken off by a stop before
 * its time is up; Valkey or Postgres being away stops nothing. Does not: serve an API, or admit resources (their schemas do).
 */
import { randomBytes } from 'node:crypto';
import type { KubeConfig } from '@kubernetes/client-node';
import { sleep, type Clock } from '@weir/clock';
import type { Lifecycle } from '@weir/lifecycle';
import type { Postgres } from '@weir/postgres';
import type { Logger, Telemetry } from '@weir/telemetry';
import type { Valkey } from '@weir/valkey';
import type { OperatorSettings } from './config.ts';
import {
  connectKube,
  Controller,
  KubeEventRecorder,
  LeaderElector,
  watchLoop,
  type ControllerDefinition,
  type KubeConnection,
} from './kube/index.ts';
import { LEASE_NAME, registerOperatorGauges } from './metrics.ts';
import type { OperatorDeps } from './operator-deps.ts';

export interface OperatorOptions {
  readonly settings: OperatorSettings;
  readonly kubeConfig: KubeConfig;
  readonly valkey: Valkey;
  readonly postgres: Postgres;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** The operator stops with it. */
  readonly lifecycle: Pick<Lifecycle, 'onStop' | 'timeLeftMs' | 'draining'>;
  /** Pod name. */
  readonly node: string;
  readonly version: string;
  /** Calls to the API server. */
  readonly rate: { readonly perSecond: number; readonly burst: number };
  readonly controllers: readonly ((deps: OperatorDeps) => ControllerDefinition)[];
  /** Nothing is written any more; the process is to end. */
  readonly onLeadershipLost: (reason: string) => void;
  readonly random?: () => number;
}

export interface Operator {
  /** What is missing until everything was read once; then `true`. Leading is no part of it. */
  readiness(): true | string;
  /** What only a restart mends. */
  fault(): string | undefined;
  health(): object;
}

const CONTROLLER_NAME = 'weir.dev/operator';
const SYNC_POLL_MS = 50;
/** A loop that stood still for so long has cost the Lease. */
const LOOP_DELAY_MAX_MS = 10_000;
/** Of the time that a stop has left: for what is under way to end by itself. The rest is for giving the Lease back. */
const DRAIN_SHARE = 0.7;

/** Answers at once; everything else happens as soon as the API server is there. */
export function startOperator(options: OperatorOptions): Operator {
  return new RunningOperator(options);
}

class RunningOperator implements Operator {
  readonly #options: OperatorOptions;
  readonly #kube: KubeConnection;
  readonly #events: KubeEventRecorder;
  readonly #controllers: readonly Controller[];
  readonly #loop: ReturnType<typeof watchLoop>;
  #elector: LeaderElector | undefined;

  constructor(options: OperatorOptions) {
    const { settings, clock, logger, telemetry, lifecycle, random = Math.random } = options;
    this.#options = options;
    this.#loop = watchLoop(clock);
    this.#kube = connectKube({
      config: options.kubeConfig,
      namespaces: settings.watchNamespaces,
      userAgent: `weir-operator/${options.version}`,
      rate: options.rate,
      clock,
      logger,
      telemetry,
      random,
    });
    this.#events = new KubeEventRecorder({
      client: this.#kube.client,
      controller: CONTROLLER_NAME,
      instance: options.node,
      clock,
      logger,
      lost: telemetry.counter('weir.operator.events_lost', { description: 'Events that could not be told' }),
    });
    const deps = this.#deps();
    this.#controllers = options.controllers.map(
      (create) => new Controller(create(deps), { clock, logger, telemetry, random }),
    );
    registerOperatorGauges(telemetry, () => ({
      isLeader: this.#elector?.isLeader === true,
      cacheSizes: this.#kube.caches.sizes,
    }));
    this.#stopWith(lifecycle);
    this.#kube.caches.start();
    void this.#lead(lifecycle.draining);
  }

  readiness(): true | string {
    const { unsynced } = this.#kube.caches;
    if (unsynced.length > 0) return `Not read yet from the API server: ${unsynced.join('; ')}.`;
    return this.#isSynced() ? true : 'Not everything was read yet.';
  }

  fault(): string | undefined {
    const delayMs = Math.round(this.#loop.worstMs());
    if (delayMs > LOOP_DELAY_MAX_MS) return `The event loop stood still for ${delayMs} ms.`;
    const hanging = this.#controllers.find((controller) => controller.fault !== undefined);
    return hanging?.fault ?? this.#elector?.fault;
  }

  health(): object {
    const { node } = this.#options;
    return {
      status: this.readiness() === true ? 'ready' : 'starting',
      node,
      isLeader: this.#elector?.isLeader === true,
      leader: this.#elector?.holder ?? '',
      cached: this.#kube.caches.sizes,
      controllers: Object.fromEntries(this.#controllers.map(({ name, counts }) => [name, counts])),
    };
  }

  #deps(): OperatorDeps {
    const { settings, valkey, postgres, clock, logger, telemetry, version } = this.#options;
    const { client: kube, caches, fence } = this.#kube;
    const shared = { valkey, postgres, clock, logger, telemetry, version };
    return { ...shared, kube, caches, fence, events: this.#events, config: settings };
  }

  #isSynced(): boolean {
    return this.#controllers.every(({ synced }) => synced);
  }

  /** Stands for leadership only once it could do the work. */
  async #lead(signal: AbortSignal): Promise<void> {
    const { clock, logger, settings, node, onLeadershipLost, random = Math.random } = this.#options;
    try {
      while (!this.#isSynced()) await sleep(clock, SYNC_POLL_MS, signal);
    } catch {
      // Stopped before that.
      return;
    }
    logger.info({ cached: this.#kube.caches.sizes }, 'everything was read once');
    this.#elector = new LeaderElector({
      client: this.#kube.leaseClient,
      namespace: settings.namespace,
      name: LEASE_NAME,
      identity: `${node}_${randomBytes(8).toString('hex')}`,
      fence: this.#kube.fence,
      clock,
      logger,
      random,
      onElected: () => {
        for (const controller of this.#controllers) controller.start();
      },
      onLost: (reason) => {
        for (const controller of this.#controllers) controller.abort(new Error(reason));
        onLeadershipLost(reason);
      },
    });
  }

  /** Parts stop in the reverse order. */
  #stopWith(lifecycle: OperatorOptions['lifecycle']): void {
    lifecycle.onStop('event loop watch', () => this.#loop.stop());
    lifecycle.onStop('connections to the API server', () => this.#kube.close());
    lifecycle.onStop('watches', () => this.#kube.caches.stop());
    lifecycle.onStop('lease', () => this.#elector?.stop());
    lifecycle.onStop('events', () => this.#events.stop());
    lifecycle.onStop('controllers', () => this.#drain(lifecycle.timeLeftMs() * DRAIN_SHARE));
  }

  async #drain(graceMs: number): Promise<void> {
    const timer = this.#options.clock.setTimeout(() => {
      for (const controller of this.#controllers) controller.abort(new Error('the process stops'));
    }, graceMs);
    await Promise.all(this.#controllers.map((controller) => controller.stop()));
    timer.cancel();
  }
}
