/** A bare WebSocket client for these tests: keeps every frame and waits for one. */
import { WebSocket } from 'ws';

export interface RawClient {
  readonly frames: string[];
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
  send(message: unknown): void;
  /** The first frame, received already or later, that holds the text; frames before it are dropped. */
  next(text: string): Promise<string>;
}

export async function connect(url: string): Promise<RawClient> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const frames: string[] = [];
  let look = (): void => undefined;
  socket.on('message', (data: Buffer) => {
    frames.push(data.toString());
    look();
  });
  const closed = new Promise<number>((resolve) => {
    socket.on('close', resolve);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  return {
    frames,
    closed,
    socket,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next: (text) =>
      new Promise((resolve) => {
        look = () => {
          const index = frames.findIndex((frame) => frame.includes(text));
          if (index === -1) return;
          const [found = ''] = frames.splice(0, index + 1).slice(-1);
          look = () => undefined;
          resolve(found);
        };
        look();
      }),
  };
}
