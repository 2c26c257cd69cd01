/** The part of an API server that an election needs: one Lease, compare and swap, and a network that can fail. */
import { sleep, type Clock } from '@weir/clock';
import { KubeError } from '../../src/kube/kube-error.ts';
import type { Lease } from '../../src/kube/lease.ts';
import type { KubeObject, ObjectName, ResourceType } from '../../src/kube/resource.ts';

export class LeaseServer {
  readonly #clock: Clock;
  #lease: KubeObject | undefined;
  #version = 0;
  isAway = false;
  latencyMs = 0;
  /** Writes arrive and their answers are lost. */
  losesAnswers = false;
  writes = 0;
  reads = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** `receive`: how the caller takes the answer. */
  client(receive: <T>(answer: Promise<T>) => Promise<T> = (answer) => answer) {
    return {
      get: async <T extends KubeObject>(_type: ResourceType, _name: ObjectName): Promise<T | undefined> =>
        receive(this.#answer(() => this.#read() as T | undefined)),
      create: async <T extends KubeObject>(_type: ResourceType, object: T): Promise<T> =>
        receive(this.#answer(() => this.#create(object), true)),
      replace: async <T extends KubeObject>(_type: ResourceType, object: T): Promise<T> =>
        receive(this.#answer(() => this.#replace(object), true)),
    };
  }

  async #answer<T>(act: () => T, isWrite = false): Promise<T> {
    await this.#travel();
    if (this.isAway) throw new KubeError({ kind: 'unavailable', message: 'connection refused' });
    const result = act();
    await this.#travel();
    if (isWrite && this.losesAnswers) throw new KubeError({ kind: 'timeout', message: 'no answer' });
    return result;
  }

  async #travel(): Promise<void> {
    if (this.latencyMs > 0) await sleep(this.#clock, this.latencyMs / 2);
  }

  #read(): KubeObject | undefined {
    this.reads += 1;
    return this.#lease;
  }

  #create<T extends KubeObject>(object: T): T {
    if (this.#lease !== undefined) throw new KubeError({ kind: 'exists', message: 'already exists' });
    return this.#store(object);
  }

  #replace<T extends KubeObject>(object: T): T {
    if (this.#lease === undefined) throw new KubeError({ kind: 'notFound', message: 'not found' });
    if (this.#lease.metadata.resourceVersion !== object.metadata.resourceVersion) {
      throw new KubeError({ kind: 'conflict', message: 'the object has been modified' });
    }
    return this.#store(object);
  }

  #store<T extends KubeObject>(object: T): T {
    this.#version += 1;
    this.writes += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#lease = stored;
    return stored;
  }
}
