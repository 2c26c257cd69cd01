/** Who decides about keys, and up to which change of the policies each of them has come. */
import type { Clock } from '@weir/clock';
import { keyspace } from '@weir/keyspace';
import type { ValkeyClient } from '@weir/valkey';
import { decodeClusterStats } from '@weir/wire';
import type { Cache } from '../kube/index.ts';
import type { Pod } from './policy.ts';

/** By pod name; `undefined`: it has reported nothing lately. */
export type AppliedSeqs = ReadonlyMap<string, number | undefined>;

export interface DecidersOptions {
  readonly pods: Cache<Pod>;
  readonly client: ValkeyClient;
  readonly clock: Clock;
}

/** What was just read serves all who ask at that moment: however many policies wait for proof, it is read once. */
const SHARED_MS = 200;

/** A pod that is going takes no new requests, whatever its conditions still say. */
export function isReadyDecider({ metadata, status }: Pod): boolean {
  const isReady = status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false;
  return isReady && metadata.deletionTimestamp === undefined;
}

export class Deciders {
  readonly #options: DecidersOptions;
  #reading: { readonly atMs: number; readonly names: string; readonly seqs: Promise<AppliedSeqs> } | undefined;

  constructor(options: DecidersOptions) {
    this.#options = options;
  }

  /** Of every ready decider. Rejects when Valkey does not answer. */
  appliedSeqs(): Promise<AppliedSeqs> {
    const { pods, clock } = this.#options;
    const ready = pods.list().filter(isReadyDecider);
    const names = ready.map(({ metadata }) => metadata.name).toSorted();
    const nowMs = clock.monotonicMs();
    const known = this.#reading;
    const isFresh = known !== undefined && nowMs - known.atMs < SHARED_MS && known.names === names.join(' ');
    if (isFresh) return known.seqs;
    const seqs = this.#read(names);
    this.#reading = { atMs: nowMs, names: names.join(' '), seqs };
    return seqs;
  }

  async #read(names: readonly string[]): Promise<AppliedSeqs> {
    const { client } = this.#options;
    const texts = await Promise.all(names.map((node) => client.get(keyspace.clusterStats.key({ node }))));
    return new Map(
      names.map((name, index) => [name, decodeClusterStats(texts[index] ?? '')?.applied_policies_seq] as const),
    );
  }
}
