/** A client of /prices/stream for tests: keeps every event, or does not read at all. */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Pod } from './harness.ts';

export interface StreamEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface StreamClient {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly events: readonly StreamEvent[];
  readonly comments: number;
  readonly hasEnded: boolean;
  of(event: string): readonly StreamEvent['data'][];
  /** From here on. */
  read(): void;
  leave(): void;
}

/** `isReading` false: what the server sends stays in the buffers of the system. */
export async function openStream(
  pod: Pick<Pod, 'url'>,
  key: string,
  assets: string,
  isReading = true,
): Promise<StreamClient> {
  const asked = request(`${pod.url}/prices/stream?assets=${assets}`, {
    headers: { authorization: `Bearer ${key}` },
    agent: false,
  });
  asked.on('error', () => undefined);
  asked.end();
  const [answer] = await once(asked, 'response');
  // What the event carries.
  const response = answer as IncomingMessage;
  const seen = { events: [] as StreamEvent[], comments: 0, hasEnded: false };
  let rest = '';
  const take = (text: string): void => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (block.startsWith(':')) seen.comments += 1;
      // A test reads the members it expects.
      if (event !== undefined && data !== undefined)
        seen.events.push({ event, data: JSON.parse(data) as StreamEvent['data'] });
    }
  };
  const read = (): void => void response.setEncoding('utf8').on('data', take).resume();
  response.once('close', () => (seen.hasEnded = true)).on('error', () => undefined);
  if (isReading) read();
  else response.pause();
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    get events() {
      return seen.events;
    },
    get comments() {
      return seen.comments;
    },
    get hasEnded() {
      return seen.hasEnded;
    },
    of: (name) => seen.events.filter(({ event }) => event === name).map(({ data }) => data),
    read,
    leave: () => void asked.destroy(),
  };
}
