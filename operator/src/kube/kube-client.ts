/** What the operator asks of the API server. Objects are raw JSON; every call has a deadline and rejects with a KubeError. */
import type { KubeObject, ObjectName, ResourceType } from './resource.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ListOptions extends CallOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ApplyOptions extends CallOptions {
  /** `weir.dev/operator` for children, `weir.dev/status` for status. */
  readonly fieldManager: string;
  /** Default true. */
  readonly force?: boolean;
  /** Answers the result and writes nothing. */
  readonly dryRun?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** Only the object of this uid. */
  readonly uid?: string;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

export interface KubeClient {
  /** `undefined` when there is none. Always asks the server. */
  get<T extends KubeObject>(type: ResourceType, name: ObjectName, options?: CallOptions): Promise<T | undefined>;
  list<T extends KubeObject>(type: ResourceType, options?: ListOptions): Promise<readonly T[]>;
  create<T extends KubeObject>(type: ResourceType, object: T, options?: CallOptions): Promise<T>;
  /** PUT; with metadata.resourceVersion a conflict is refused. */
  replace<T extends KubeObject>(type: ResourceType, object: T, options?: CallOptions): Promise<T>;
  /** Server-side apply of everything this manager wants. With metadata.uid it never re-creates a deleted object. */
  apply<T extends KubeObject>(type: ResourceType, object: T, options: ApplyOptions): Promise<T>;
  /** Server-side apply to the status subresource: a missing object is not created. */
  applyStatus<T extends KubeObject>(type: ResourceType, object: T, options: ApplyOptions): Promise<T>;
  /** Nothing happens when there is none. */
  delete(type: ResourceType, name: ObjectName, options?: DeleteOptions): Promise<void>;
}
