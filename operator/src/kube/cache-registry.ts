/** All watches of the process: whoever asks for the same kind in the same way shares one. */
import type { Clock } from '@weir/clock';
import type { Logger } from '@weir/telemetry';
import type { Cache, IndexFunction } from './cache.ts';
import { Reflector } from './reflector.ts';
import type { KubeObject, ResourceType } from './resource.ts';
import { Store } from './store.ts';
import type { Transport } from './transport.ts';

export interface CacheDefinition<T extends KubeObject> {
  readonly type: ResourceType;
  readonly labelSelector?: string;
  /** Absent: those the process watches. */
  readonly namespaces?: readonly string[];
  /** By name. Those of several askers for one cache are put together; a name stands for one function. */
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** What is kept of an object, to save memory; managedFields never are. All askers for one cache give the same. */
  readonly transform?: (object: T) => T;
}

export interface CacheRegistry {
  /** Before the process starts its watches; answers at once, empty. */
  open<T extends KubeObject>(definition: CacheDefinition<T>): Cache<T>;
}

export interface WatchedCachesOptions {
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly transport: Pick<Transport, 'send' | 'open'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Told of each list and watch that begins. */
  readonly onStart?: (kind: string, how: 'stream' | 'list' | 'watch') => void;
}

interface Entry {
  readonly definition: CacheDefinition<KubeObject>;
  readonly scopes: readonly string[];
  readonly store: Store<KubeObject>;
  readonly reflectors: Reflector<KubeObject>[];
}

export class WatchedCaches implements CacheRegistry {
  readonly #options: WatchedCachesOptions;
  readonly #entries = new Map<string, Entry>();
  #hasStarted = false;

  constructor(options: WatchedCachesOptions) {
    this.#options = options;
  }

  open<T extends KubeObject>(definition: CacheDefinition<T>): Cache<T> {
    if (this.#hasStarted) throw new TypeError(`a cache of ${definition.type.plural} is opened after the start`);
    // Only objects of its own kind ever come into a store, so its functions get what they expect.
    const entry = this.#entryOf(definition as unknown as CacheDefinition<KubeObject>);
    return entry.store as unknown as Cache<T>;
  }

  /** Kinds whose first list has not arrived, each with the reason if there is one. */
  get unsynced(): readonly string[] {
    return this.#all
      .filter(({ store }) => !store.synced)
      .map(({ definition: { type }, reflectors }) => {
        const fault = reflectors.find((reflector) => reflector.fault !== undefined)?.fault;
        return fault === undefined ? type.kind : `${type.kind} (${fault})`;
      });
  }

  /** Number of objects by kind. */
  get sizes(): Readonly<Record<string, number>> {
    const sizes: Record<string, number> = {};
    for (const { definition, store } of this.#all) {
      sizes[definition.type.kind] = (sizes[definition.type.kind] ?? 0) + store.size;
    }
    return sizes;
  }

  noteWritten(type: ResourceType, object: KubeObject): void {
    for (const { definition, store } of this.#all) {
      if (definition.type.apiVersion === type.apiVersion && definition.type.plural === type.plural) {
        store.noteWritten(object);
      }
    }
  }

  start(): void {
    this.#hasStarted = true;
    for (const { definition, scopes, store, reflectors } of this.#all) {
      for (const namespace of scopes) reflectors.push(this.#reflect(definition, namespace, store));
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.flatMap(({ reflectors }) => reflectors.map((reflector) => reflector.stop())));
  }

  get #all(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  #entryOf(definition: CacheDefinition<KubeObject>): Entry {
    const { type, labelSelector = '', transform } = definition;
    const { clock, logger } = this.#options;
    const wanted = definition.namespaces ?? this.#options.namespaces;
    const scopes = type.namespaced && wanted.length > 0 ? [...new Set(wanted)].toSorted() : [''];
    const id = JSON.stringify([type.apiVersion, type.plural, labelSelector, scopes]);
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { definition, scopes, store: new Store({ clock, logger, scopes, transform }), reflectors: [] };
      this.#entries.set(id, entry);
    }
    if (entry.definition.transform !== transform) {
      throw new TypeError(`two caches of ${type.plural} are asked for with different transforms`);
    }
    for (const [name, valuesOf] of Object.entries(definition.indexes ?? {})) entry.store.addIndex(name, valuesOf);
    return entry;
  }

  #reflect(
    { type, labelSelector }: CacheDefinition<KubeObject>,
    namespace: string,
    store: Store<KubeObject>,
  ): Reflector<KubeObject> {
    const { transport, clock, logger, random, onStart } = this.#options;
    return new Reflector({
      type,
      namespace,
      labelSelector,
      store,
      send: (request) => transport.send(request),
      open: (request) => transport.open(request),
      clock,
      logger,
      random,
      ...(onStart !== undefined && { onStart: (how) => onStart(type.kind, how) }),
    });
  }
}
