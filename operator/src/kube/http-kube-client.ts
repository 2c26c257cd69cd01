/** The KubeClient that talks to a real API server: raw JSON, strict validation, a limited rate, and a fence before writes. */
import type { ClientMetrics } from './client-metrics.ts';
import type { Fence } from './fence.ts';
import type { ApplyOptions, CallOptions, DeleteOptions, KubeClient, ListOptions } from './kube-client.ts';
import { isKubeError, KubeError } from './kube-error.ts';
import { listPages } from './list-pages.ts';
import { cleanObject } from './clean-object.ts';
import type { KubeObject, ObjectName, ResourceType } from './resource.ts';
import { resourcePath, type PathOptions } from './resource-path.ts';
import type { TokenBucket } from './token-bucket.ts';
import type { ApiRequest, Transport } from './transport.ts';

export interface HttpKubeClientOptions {
  readonly transport: Transport;
  readonly metrics: ClientMetrics;
  /** Absent: calls are sent at once. */
  readonly bucket?: TokenBucket;
  /** Absent: writes are always allowed, as those of the Lease itself. */
  readonly fence?: Fence;
  readonly timeoutMs?: number;
  /** Told of each object that this process has written, before the caller gets it. */
  readonly onWritten?: (type: ResourceType, object: KubeObject) => void;
}

type Write = Pick<ApiRequest, 'method' | 'query' | 'contentType'> & {
  readonly path: PathOptions;
  readonly body: unknown;
  readonly signal: AbortSignal | undefined;
  readonly isDryRun?: boolean;
};

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';

export class HttpKubeClient implements KubeClient {
  readonly #options: HttpKubeClientOptions;

  constructor(options: HttpKubeClientOptions) {
    this.#options = options;
  }

  async get<T extends KubeObject>(
    type: ResourceType,
    name: ObjectName,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    const path = resourcePath(type, name);
    try {
      return cleanObject(type, await this.#send({ method: 'GET', path, signal: options.signal })) as T;
    } catch (err) {
      if (isKubeError(err, 'notFound')) return undefined;
      throw err;
    }
  }

  async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<readonly T[]> {
    const { objects } = await listPages<T>(type, options, (request) => this.#send(request));
    return objects;
  }

  create<T extends KubeObject>(type: ResourceType, object: T, options: CallOptions = {}): Promise<T> {
    const { namespace } = object.metadata;
    const path = { namespace: namespace ?? '' };
    return this.#write(type, { method: 'POST', path, body: object, query: STRICT, signal: options.signal });
  }

  replace<T extends KubeObject>(type: ResourceType, object: T, options: CallOptions = {}): Promise<T> {
    return this.#write(type, {
      method: 'PUT',
      path: nameOf(object),
      body: object,
      query: STRICT,
      signal: options.signal,
    });
  }

  apply<T extends KubeObject>(type: ResourceType, object: T, options: ApplyOptions): Promise<T> {
    return this.#apply(type, object, nameOf(object), options);
  }

  applyStatus<T extends KubeObject>(type: ResourceType, object: T, options: ApplyOptions): Promise<T> {
    return this.#apply(type, object, { ...nameOf(object), subresource: 'status' }, options);
  }

  /** A JSON merge patch: for fields that nobody owns, such as the count of an event. */
  merge<T extends KubeObject>(
    type: ResourceType,
    name: ObjectName,
    patch: object,
    options: CallOptions = {},
  ): Promise<T> {
    const { signal } = options;
    return this.#write(type, { method: 'PATCH', path: name, body: patch, query: STRICT, contentType: MERGE, signal });
  }

  async delete(type: ResourceType, name: ObjectName, options: DeleteOptions = {}): Promise<void> {
    const { uid, propagation = 'Background', signal } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: propagation,
      ...(uid !== undefined && { preconditions: { uid } }),
    };
    try {
      await this.#send({ method: 'DELETE', path: resourcePath(type, name), body, signal, guard: this.#guard });
    } catch (err) {
      if (!isKubeError(err, 'notFound')) throw err;
    }
  }

  #apply<T extends KubeObject>(type: ResourceType, object: T, path: PathOptions, options: ApplyOptions): Promise<T> {
    const { fieldManager, force = true, dryRun: isDryRun = false, signal } = options;
    return this.#write(type, {
      method: 'PATCH',
      path,
      body: withoutManagedFields(type, object),
      query: { ...STRICT, fieldManager, force, ...(isDryRun && { dryRun: 'All' }) },
      contentType: APPLY,
      signal,
      isDryRun,
    });
  }

  async #write<T extends KubeObject>(type: ResourceType, { path, isDryRun, ...call }: Write): Promise<T> {
    const answer = await this.#send({ ...call, path: resourcePath(type, path), guard: this.#guard });
    const object = cleanObject(type, answer);
    if (isDryRun !== true) this.#options.onWritten?.(type, object);
    return object as T;
  }

  get #guard(): (() => void) | undefined {
    const { fence } = this.#options;
    return fence === undefined ? undefined : () => fence.check();
  }

  async #send(request: ApiRequest): Promise<unknown> {
    const { transport, bucket, metrics, timeoutMs } = this.#options;
    if (bucket !== undefined) {
      try {
        metrics.waited((await bucket.take(request.signal)) / 1e3);
      } catch (cause) {
        throw new KubeError({ kind: 'aborted', message: `${request.method} ${request.path}: given up`, cause });
      }
    }
    return transport.send({ ...request, ...(timeoutMs !== undefined && { timeoutMs }) });
  }
}

/** A field that the server does not know is a fault, never dropped in silence. */
const STRICT = { fieldValidation: 'Strict' } as const;

function nameOf({ metadata: { namespace, name } }: KubeObject): PathOptions {
  return { namespace: namespace ?? '', name };
}

/** An apply with managedFields is turned down. */
function withoutManagedFields(type: ResourceType, object: KubeObject): object {
  const { managedFields: _managed, ...metadata } = { managedFields: undefined, ...object.metadata };
  return { ...object, apiVersion: type.apiVersion, kind: type.kind, metadata };
}
