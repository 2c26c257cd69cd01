/** One GET: an answer of any status, or why there is none. Bounded in time and size, never rejects. */
import type { Clock } from '@weir/clock';
import type { RestResponse } from '@weir/venues';

export type GetResult =
  | {
      readonly kind: 'answered';
      readonly response: RestResponse;
      /** When the other side must have known what it says: the arrival of the headers, less half of the round trip. */
      readonly knownMonotonicMs: number;
    }
  | { readonly kind: 'failed'; readonly reason: string };

export interface GetLimits {
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
}

class TooLarge extends Error {}

export async function httpGet(url: string, clock: Clock, { timeoutMs, bodyBytesMax }: GetLimits): Promise<GetResult> {
  const abort = new AbortController();
  // It covers the body too: a venue that sends a byte a second is as good as none.
  const timer = clock.setTimeout(() => abort.abort(), timeoutMs);
  const startedMs = clock.monotonicMs();
  try {
    const response = await fetch(url, {
      signal: abort.signal,
      headers: { 'user-agent': 'weir', accept: 'application/json' },
      // Whoever is sent elsewhere talks to somebody else than was configured.
      redirect: 'manual',
    });
    const knownMonotonicMs = (startedMs + clock.monotonicMs()) / 2;
    const body = await readText(response, bodyBytesMax);
    const retryAfter = response.headers.get('retry-after');
    return {
      kind: 'answered',
      knownMonotonicMs,
      response: {
        status: response.status,
        body,
        receivedMs: clock.nowMs(),
        ...(retryAfter !== null && { retryAfter }),
      },
    };
  } catch (error) {
    const isLate = abort.signal.aborted;
    // Drops what is still on its way.
    abort.abort();
    if (error instanceof TooLarge) return { kind: 'failed', reason: `the answer is larger than ${bodyBytesMax} bytes` };
    return { kind: 'failed', reason: isLate ? `no answer within ${timeoutMs} ms` : describeFault(error) };
  } finally {
    timer.cancel();
  }
}

/** Counts what was unpacked: a small body may be a large one in disguise. */
async function readText({ body }: Response, bytesMax: number): Promise<string> {
  if (body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new TooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The message of `fetch` is always the same; the cause says why. */
function describeFault(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  return code ?? cause.message;
}
