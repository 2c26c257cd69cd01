/** What is left of a policy that is gone or going: its document, and its keys. */
import type { DocumentKeeper } from '../documents/index.ts';
import type { ObjectKey } from '../kube/index.ts';
import { isWeirError } from '@weir/errors';
import { withdrawKeys, type KeyDeps } from './settle-keys.ts';
import type { KeyReport } from './key-report.ts';

/**
 * Deletion waits for the stores no longer than this. Then it is let go: deciders refuse keys whose policy has no
 * document, the document goes as soon as Valkey is there, and the sweep withdraws the keys as soon as Postgres is.
 */
export const GIVE_UP_MS = 120_000;

export type CleanupOutcome =
  | { readonly kind: 'done'; readonly report: KeyReport }
  | { readonly kind: 'waiting'; readonly problem: string };

/** The document first: without it deciders refuse the keys, whatever is known of them. */
export async function cleanUp(deps: KeyDeps, keeper: DocumentKeeper, key: ObjectKey): Promise<CleanupOutcome> {
  const problems: string[] = [];
  const note = (err: unknown): void => {
    if (!isWeirError(err)) throw err;
    problems.push(err.detail);
  };
  await keeper.publish(key).catch(note);
  const report = await withdrawKeys(deps, key).catch(note);
  if (report?.cacheFault !== undefined) note(report.cacheFault);
  if (report === undefined || problems.length > 0) {
    return { kind: 'waiting', problem: `${[...new Set(problems)].join('; ')}.` };
  }
  return { kind: 'done', report };
}
