/**
 * Brings the keys of a policy about: Secrets first, then what follows from them in Postgres and Valkey.
 *
 * The Secrets that are there count before any is written: that tells whether Postgres can take what would be written,
 * and what somebody put there by hand has ended the text before it by the time a rotation replaces it.
 */
import { isWeirError } from '@weir/errors';
import { settlePolicyKeys, type PolicyKeyEntry, type SettledKeys } from '@weir/keys';
import type { PolicyDocument } from '@weir/wire';
import { keyOf, type ObjectKey } from '../kube/index.ts';
import type { OperatorDeps } from '../operator-deps.ts';
import type { KeyHappening, KeyOutcome, KeyReport, KeyState } from './key-report.ts';
import { KeyTurn, type TurnKey } from './key-turn.ts';
import { hasExpired, rotationDueMs } from './plan-key.ts';
import type { ApiKeyPolicy } from './policy.ts';

export type KeyDeps = Pick<OperatorDeps, 'kube' | 'postgres' | 'valkey' | 'clock' | 'config' | 'fence'>;

export interface KeysRequest {
  readonly policy: ApiKeyPolicy;
  /** What it compiles to. */
  readonly document: PolicyDocument;
  /** Of the records of its keys. */
  readonly tier: string;
  readonly signal: AbortSignal;
}

export async function settleKeys(deps: KeyDeps, request: KeysRequest): Promise<KeyReport> {
  const { policy, document, signal } = request;
  const nowMs = deps.clock.nowMs();
  const turn = new KeyTurn({ deps, policy, document, nowMs, signal });
  const read = await turn.read();
  try {
    const first = await settle(deps, request, read);
    const keys = await turn.write(read);
    const written = keys.filter((key, index) => key !== read[index]);
    const second = written.length === 0 ? undefined : await settle(deps, request, written);
    const settled = second === undefined ? first : mergeSettled(first, second);
    const { withdrawn, cacheFault } = settled;
    return {
      keys: keys.map((key) => outcomeOf(key, settled, nowMs)),
      withdrawn,
      ...(cacheFault instanceof Error && { cacheFault }),
    };
  } catch (err) {
    if (!isPostgresFault(err)) throw err;
    return { keys: read.map((key) => outcomeOf(key, undefined, nowMs)), withdrawn: [], postgresFault: err };
  }
}

/** Every key of a policy that is gone, or going, is refused from now on. Rejects when Postgres does not answer. */
export async function withdrawKeys(deps: KeyDeps, policy: ObjectKey): Promise<KeyReport> {
  const { withdrawn, cacheFault } = await settlePolicyKeys(storesOf(deps), { policy, names: [], entries: [] });
  return { keys: [], withdrawn, ...(cacheFault instanceof Error && { cacheFault }) };
}

const isPostgresFault = (err: unknown): err is Error =>
  isWeirError(err) && (err.code === 'POSTGRES_UNAVAILABLE' || err.code === 'POSTGRES_REFUSED');

const storesOf = ({ postgres, valkey, fence }: KeyDeps) => ({
  postgres,
  client: valkey.bulk,
  beforeWrite: () => fence.check(),
});

/** Every key of the policy is named; those are settled whose Secret says what there is to be. */
function settle(
  deps: KeyDeps,
  { policy, document, tier }: KeysRequest,
  keys: readonly TurnKey[],
): Promise<SettledKeys> {
  const entries = keys.flatMap((key) => entriesFor(key, tier));
  const names = document.keys.map(({ name }) => name);
  return settlePolicyKeys(storesOf(deps), { policy: keyOf(policy), names, entries });
}

function entriesFor({ key, plan }: TurnKey, tier: string): readonly PolicyKeyEntry[] {
  if (plan.kind === 'wait') return [];
  const { name, project, expiresAtMs } = key;
  return [
    {
      name,
      project,
      tier,
      ...(expiresAtMs !== undefined && { expiresAtMs }),
      // Without a Secret no text counts: the one of before is gone for good.
      ...(plan.kind === 'take' && { sha256: plan.sha256 }),
      ...(plan.kind === 'take' && plan.othersEndAtMs !== undefined && { othersEndAtMs: plan.othersEndAtMs }),
    },
  ];
}

function mergeSettled(first: SettledKeys, second: SettledKeys): SettledKeys {
  const cacheFault = second.cacheFault ?? first.cacheFault;
  return {
    outcomes: new Map([...first.outcomes, ...second.outcomes]),
    withdrawn: [...first.withdrawn, ...second.withdrawn],
    ...(cacheFault !== undefined && { cacheFault }),
  };
}

function outcomeOf(known: TurnKey, settled: SettledKeys | undefined, nowMs: number): KeyOutcome {
  const { key, secret } = known;
  const happening = happeningOf(known, settled);
  const dueAtMs = nextDueMs(known, nowMs);
  return {
    name: key.name,
    secretName: key.secretName,
    state: stateOf(known, settled, nowMs),
    isNeverRotated: key.rotate !== undefined && secret?.origin === 'foreign',
    ...(happening !== undefined && { happening }),
    ...(dueAtMs !== undefined && { dueAtMs }),
  };
}

function stateOf({ key, plan, fault }: TurnKey, settled: SettledKeys | undefined, nowMs: number): KeyState {
  if (fault !== undefined) return { kind: 'unreachable', problem: fault.message };
  if (plan.kind === 'wait') return { kind: 'pending' };
  if (plan.kind === 'invalid') return { kind: 'malformed', problem: plan.problem };
  const outcome = settled?.outcomes.get(key.name);
  if (outcome?.kind === 'taken') return { kind: 'conflicted', owner: `${outcome.policy} ${outcome.name}`.trim() };
  if (outcome?.kind === 'revoked') return { kind: 'revoked' };
  return { kind: hasExpired(key, nowMs) ? 'expired' : 'active' };
}

function happeningOf({ key, written }: TurnKey, settled: SettledKeys | undefined): KeyHappening | undefined {
  const outcome = settled?.outcomes.get(key.name);
  if (outcome?.kind !== 'granted' || !outcome.isNewText) return undefined;
  if (written === 'rotated') return 'rotated';
  if (written === undefined) return 'taken';
  return outcome.isNew ? 'issued' : 'reissued';
}

function nextDueMs({ key, secret }: TurnKey, nowMs: number): number | undefined {
  const rotationMs = secret && rotationDueMs(key, secret);
  const dues = [rotationMs, key.expiresAtMs].flatMap((due) => (due !== undefined && due > nowMs ? [due] : []));
  return dues.length === 0 ? undefined : Math.min(...dues);
}
