/** Whether a policy is in force at every process that decides about keys, as far as they have proved it. Pure. */
import type { ApiKeyPolicySpec } from '@weir/crds';
import type { AppliedSeqs } from './deciders.ts';
import type { Judgement } from './policy-status.ts';
import type { EnforcedReason } from './reasons.ts';

export type Proof =
  /** Valkey could not be written, or not be asked. */
  | { readonly kind: 'unknown'; readonly reason: 'ValkeyUnreachable' | 'ValkeyRefused'; readonly problem: string }
  | {
      readonly kind: 'known';
      /** From which change of the policies on this one is in force. */
      readonly seq: number;
      readonly applied: AppliedSeqs;
      /** How long it has been waited for; 0 when it is in force. */
      readonly waitedMs: number;
      /** This very revision was in force before: who does not report it now has only just become ready. */
      readonly wasInForce: boolean;
      /** That it is not in force has been said of this very revision. */
      readonly wasOutOfSync: boolean;
    };

export const OUT_OF_SYNC_MS = 10_000;
/** A decider that becomes ready says within this time what it applies. */
const REPORT_MS = 2_000;
const NAMED_MAX = 3;

/** Names of the deciders that have not come to `seq`. */
function laggingDeciders(applied: AppliedSeqs, seq: number): readonly string[] {
  return [...applied].filter(([, at]) => at === undefined || at < seq).map(([name]) => name);
}

export function isInForce({ seq, applied }: Pick<Proof & { kind: 'known' }, 'seq' | 'applied'>): boolean {
  return applied.size > 0 && laggingDeciders(applied, seq).length === 0;
}

export function judgeEnforcement(spec: ApiKeyPolicySpec, proof: Proof): Judgement<EnforcedReason> {
  if (proof.kind === 'unknown') return { status: 'Unknown', reason: proof.reason, message: proof.problem };
  const { applied, seq, waitedMs } = proof;
  if (applied.size === 0) {
    const message = 'No ready pod with the label weir.dev/decider; the policy is in force as soon as there is one.';
    return { status: 'False', reason: 'NoDeciders', message };
  }
  const lagging = laggingDeciders(applied, seq);
  if (lagging.length === 0 || (proof.wasInForce && waitedMs < REPORT_MS)) return inForce(spec);
  const counts = `${applied.size - lagging.length} of ${applied.size} ready deciders apply this revision`;
  const message = `${counts}; waiting for ${nameSome(lagging)}.`;
  const isLate = waitedMs >= OUT_OF_SYNC_MS || proof.wasOutOfSync;
  return { status: 'False', reason: isLate ? 'OutOfSync' : 'Progressing', message };
}

/** A dry run refuses nothing, not even when it is suspended. */
function inForce({ mode, suspend }: ApiKeyPolicySpec): Judgement<EnforcedReason> {
  if (mode === 'DryRun') {
    const message = 'Every ready decider counts what the policy would refuse; nothing is refused.';
    return { status: 'True', reason: 'DryRun', message };
  }
  if (suspend) {
    const message = 'spec.suspend is true: every ready decider refuses every call of its keys.';
    return { status: 'True', reason: 'Suspended', message };
  }
  return { status: 'True', reason: 'Enforced', message: 'Every ready decider applies this revision.' };
}

function nameSome(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).join(', ');
  return names.length > NAMED_MAX ? `${shown} and ${names.length - NAMED_MAX} more` : shown;
}
