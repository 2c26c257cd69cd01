/** What passes between a process and its guardian over the IPC channel of the child. */
import { errorCatalogue, type ErrorCode } from '@weir/errors';

export type ParentMessage = { readonly kind: 'start'; readonly request: unknown } | { readonly kind: 'stop' };

export type GuardianMessage =
  | { readonly kind: 'ready'; readonly ready: unknown }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly detail: string };

function kindOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
  return typeof value.kind === 'string' ? value.kind : undefined;
}

export function readParentMessage(value: unknown): ParentMessage | undefined {
  const kind = kindOf(value);
  if (kind === 'stop') return { kind };
  // kindOf has shown that it is an object.
  return kind === 'start' ? { kind, request: (value as { request?: unknown }).request } : undefined;
}

export function readGuardianMessage(value: unknown): GuardianMessage | undefined {
  const kind = kindOf(value);
  if (kind !== 'ready' && kind !== 'failed') return undefined;
  // kindOf has shown that it is an object; what is missing from it reads as undefined.
  const fields = value as { ready?: unknown; code?: unknown; detail?: unknown };
  if (kind === 'ready') return { kind, ready: fields.ready };
  const { code, detail } = fields;
  const known = typeof code === 'string' && Object.hasOwn(errorCatalogue, code);
  return { kind, code: known ? (code as ErrorCode) : 'INTERNAL', detail: String(detail) };
}
