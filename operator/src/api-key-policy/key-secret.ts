/**
 * The Secret of a key: what it says, and how one that we issue is written.
 *
 * Annotations of an issued Secret say which text we put there (the beginning of its hash), when, and until when the texts
 * before it work. With that, a process that died between the Secret and Postgres is finished by the next one, and a text
 * that somebody else put there is told from ours.
 */
import { checkKeyText, hashKeyText } from '@weir/keys';
import { ownerReferenceTo } from '../weir-resources.ts';
import type { ApiKeyPolicy, KeyEntry, Secret } from './policy.ts';

const DATA_KEY = 'key';
const MANAGED_BY = 'app.kubernetes.io/managed-by';
const MANAGER_NAME = 'weir-operator';
const POLICY_LABEL = 'weir.dev/policy';
const KEY_NAME = 'weir.dev/key-name';
const ISSUED_AT = 'weir.dev/issued-at';
const FINGERPRINT = 'weir.dev/key-fingerprint';
const PREVIOUS_UNTIL = 'weir.dev/previous-until';

/** Enough to know a text again, too little to be its name in Valkey. */
const FINGERPRINT_DIGITS = 16;

/**
 * own: we made it for this policy. predecessor: for a policy of this name that is gone, so it is about to go too.
 * foreign: somebody else's, to be taken as it is and never written.
 */
export type SecretOrigin = 'own' | 'predecessor' | 'foreign';

export interface KeySecret {
  readonly origin: SecretOrigin;
  readonly isGoing: boolean;
  /** Of a text that has the form of a key. */
  readonly sha256?: string;
  /** Why there is none. */
  readonly problem?: string;
  /** When we wrote the text; absent when we did not. */
  readonly issuedAtMs?: number;
  /** Until when the texts before it work; absent: none does. */
  readonly previousUntilMs?: number;
}

export function readKeySecret(secret: Secret, policy: ApiKeyPolicy): KeySecret {
  const { annotations = {}, deletionTimestamp } = secret.metadata;
  const origin = originOf(secret, policy);
  const base = { origin, isGoing: deletionTimestamp !== undefined };
  const text = textOf(secret);
  if (text === undefined) return { ...base, problem: `has no data under "${DATA_KEY}"` };
  if (!checkKeyText(text)) return { ...base, problem: `holds a text under "${DATA_KEY}" that is no key` };
  const sha256 = hashKeyText(text);
  if (origin !== 'own') return { ...base, sha256 };
  const issuedAtMs = instantOf(annotations[ISSUED_AT]);
  // By somebody else, whoever the Secret belongs to: what stands there of the text before it says nothing of this one.
  const isOurText = annotations[FINGERPRINT] === sha256.slice(0, FINGERPRINT_DIGITS);
  const previousUntilMs = isOurText ? instantOf(annotations[PREVIOUS_UNTIL]) : undefined;
  return {
    ...base,
    sha256,
    ...(issuedAtMs !== undefined && { issuedAtMs }),
    ...(previousUntilMs !== undefined && { previousUntilMs }),
  };
}

function originOf({ metadata }: Secret, policy: ApiKeyPolicy): SecretOrigin {
  const { labels = {}, ownerReferences = [] } = metadata;
  const isLabelled = labels[MANAGED_BY] === MANAGER_NAME && labels[POLICY_LABEL] === policy.metadata.name;
  const owner = ownerReferences.find(({ kind, name }) => kind === policy.kind && name === policy.metadata.name);
  if (!isLabelled || owner === undefined) return 'foreign';
  return owner.uid === policy.metadata.uid ? 'own' : 'predecessor';
}

/** Without the line end that editors and `kubectl create secret --from-file` leave. */
function textOf({ data }: Secret): string | undefined {
  const encoded = data?.[DATA_KEY];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8').trim();
}

function instantOf(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

export interface WrittenText {
  readonly text: string;
  readonly nowMs: number;
  /** Until when the texts before it work. */
  readonly previousUntilMs?: number;
}

/** A Secret that does not exist yet. */
export function newKeySecret(policy: ApiKeyPolicy, entry: KeyEntry, written: WrittenText): Secret {
  const { name, namespace = '' } = policy.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: entry.secretRef.name,
      namespace,
      labels: {
        'app.kubernetes.io/component': 'api-key',
        [MANAGED_BY]: MANAGER_NAME,
        'app.kubernetes.io/part-of': 'weir',
        [POLICY_LABEL]: name,
      },
      annotations: annotationsOf(entry, written),
      ownerReferences: [ownerReferenceTo(policy)],
    },
    type: 'Opaque',
    data: dataOf(written),
  };
}

/** One that we made, with another text; everything that others put there stays. */
export function rotatedKeySecret(secret: Secret, entry: KeyEntry, written: WrittenText): Secret {
  const { [PREVIOUS_UNTIL]: _before, ...annotations } = secret.metadata.annotations ?? {};
  return {
    ...secret,
    metadata: { ...secret.metadata, annotations: { ...annotations, ...annotationsOf(entry, written) } },
    data: { ...secret.data, ...dataOf(written) },
  };
}

const dataOf = ({ text }: WrittenText): Record<string, string> => ({
  [DATA_KEY]: Buffer.from(text, 'utf8').toString('base64'),
});

function annotationsOf(entry: KeyEntry, { text, nowMs, previousUntilMs }: WrittenText): Record<string, string> {
  return {
    [KEY_NAME]: entry.name,
    [ISSUED_AT]: new Date(nowMs).toISOString(),
    [FINGERPRINT]: hashKeyText(text).slice(0, FINGERPRINT_DIGITS),
    ...(previousUntilMs !== undefined && { [PREVIOUS_UNTIL]: new Date(previousUntilMs).toISOString() }),
  };
}
