/** What a rejection by Valkey, or by the connection to it, means to a caller. */
import { isWeirError, WeirError } from '@weir/errors';

/** First words of replies by which a server says that it cannot serve now. */
const NOT_SERVING = ['LOADING', 'BUSY', 'MASTERDOWN', 'CLUSTERDOWN', 'READONLY', 'TRYAGAIN'] as const;
/** As above, for writes alone: reads go on. */
const NOT_WRITING = ['OOM', 'MISCONF', 'NOREPLICAS'] as const;

export type ReplyError =
  | { readonly kind: 'no-script'; readonly error: WeirError }
  | { readonly kind: 'not-serving'; readonly error: WeirError }
  | { readonly kind: 'unavailable'; readonly error: WeirError }
  | { readonly kind: 'refused'; readonly error: WeirError };

function firstWord(err: Error): string {
  return /^-?([A-Z]+)\b/.exec(err.message)?.[1] ?? '';
}

const isOneOf = (word: string, words: readonly string[]): boolean => words.includes(word);

/** ioredis hangs the command with its arguments on the error, secrets included: none of it may reach a log. */
function withoutCommand(err: unknown): unknown {
  if (err instanceof Error) Reflect.deleteProperty(err, 'command');
  return err;
}

/** An error reply has the name ReplyError; everything else comes from the connection. */
export function classifyError(err: unknown): ReplyError {
  const cause = withoutCommand(err);
  if (!(cause instanceof Error) || cause.name !== 'ReplyError') {
    const detail = 'the connection to Valkey was lost; whether the command was executed is unknown';
    return { kind: 'unavailable', error: new WeirError('VALKEY_UNAVAILABLE', { detail, cause }) };
  }
  const word = firstWord(cause);
  if (isOneOf(word, NOT_SERVING) || isOneOf(word, NOT_WRITING)) {
    const error = new WeirError('VALKEY_UNAVAILABLE', { detail: `Valkey cannot serve now (${word})`, cause });
    return { kind: isOneOf(word, NOT_SERVING) ? 'not-serving' : 'unavailable', error };
  }
  const detail = word === '' ? 'Valkey refused a command' : `Valkey refused a command (${word})`;
  return {
    kind: word === 'NOSCRIPT' ? 'no-script' : 'refused',
    error: new WeirError('VALKEY_REFUSED', { detail, cause }),
  };
}

/** Whether the server does not know the script of an EVALSHA, and so has not run it. */
export function isNoScript(err: unknown): boolean {
  return isWeirError(err, 'VALKEY_REFUSED') && err.cause instanceof Error && firstWord(err.cause) === 'NOSCRIPT';
}
