/** Asks the price API from outside the cluster, as a subscriber does. */
import { type Agent, request, type IncomingHttpHeaders } from 'node:http';
import { inject } from 'vitest';

const DEADLINE_MS = 5_000;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Of JSON; `undefined` for anything else. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

export interface Question {
  readonly path: string;
  readonly key?: string;
  /** A connection of its own is balanced anew; one that is kept stays with its pod. */
  readonly agent?: Agent;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    // The API answers objects; tests look at each member before they use it.
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

/** Rejects when there is no answer at all. */
export function ask({ path, key, agent }: Question): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const sent = request(new URL(path, inject('cluster').url), { headers, agent: agent ?? false, timeout: DEADLINE_MS });
  sent.on('timeout', () => sent.destroy(new Error(`no answer within ${DEADLINE_MS} ms`)));
  sent.on('error', reject);
  sent.on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const body = parse(Buffer.concat(chunks).toString('utf8'));
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
    });
  });
  sent.end();
  return promise;
}
