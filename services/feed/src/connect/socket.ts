/**
 * The thin edge to the network: one WebSocket of `ws`, reduced to what a connector needs.
 *
 * Once `terminate` was called nothing is reported any more, so a connection that was given up cannot speak for its
 * successor. An end is reported once, as `onFail` before the opening and as `onClose` after it.
 */
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { FrameTurns } from './frame-turns.ts';

export interface SocketFailure {
  readonly message: string;
  /** The venue never saw the attempt, so its limits cannot have counted it. */
  readonly isUnseen: boolean;
  /** The header of that name. */
  readonly retryAfter?: string;
}

export interface SocketHandlers {
  readonly onOpen: () => void;
  /** `waitedMs` is the time since it was received. */
  readonly onFrame: (text: string, waitedMs?: number) => void;
  /** The answer to `ping`. */
  readonly onPong: () => void;
  readonly onFail: (failure: SocketFailure) => void;
  readonly onClose: (message: string) => void;
}

export interface Socket {
  send(text: string): void;
  ping(): void;
  /** Drops the connection without a goodbye, which a half-open one would never answer. */
  terminate(): void;
  /** The operating system has it back. */
  readonly closed: Promise<void>;
}

/** Throws SyntaxError when the address is none. */
export type OpenSocket = (url: string, handshakeTimeoutMs: number, handlers: SocketHandlers) => Socket;

/** `turns` are shared by the sockets of a process. */
export const createSocketOpener =
  (turns: FrameTurns): OpenSocket =>
  (url, handshakeTimeoutMs, handlers) =>
    openWebSocket(url, handshakeTimeoutMs, handlers, turns);

/** Nobody listens, no way there, no address. A reset or a silence may come from the venue itself. */
const UNSEEN_CODES = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
const FRAME_BYTES_MAX = 4 * 1024 * 1024;

export function openWebSocket(
  url: string,
  handshakeTimeoutMs: number,
  handlers: SocketHandlers,
  turns?: FrameTurns,
): Socket {
  const socket = createWebSocket(url, handshakeTimeoutMs);
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
  });
  const take = turns === undefined ? atOnce : byTurns(socket, turns);
  let isWatched = true;
  let isOpen = false;
  let fault: NodeJS.ErrnoException | undefined;
  const tell: FrameTurns['take'] = (report) =>
    take((waitedMs) => {
      if (isWatched) report(waitedMs);
    });
  const fail = (failure: SocketFailure): void => {
    if (isWatched) handlers.onFail(failure);
    isWatched = false;
  };
  socket.on('open', () => {
    isOpen = true;
    if (isWatched) handlers.onOpen();
  });
  socket.on('message', (data) => {
    // A Buffer: the other types of `data` belong to other settings of binaryType.
    tell((waitedMs) => handlers.onFrame((data as Buffer).toString(), waitedMs));
  });
  socket.on('pong', () => tell(handlers.onPong));
  socket.on('unexpected-response', (_request, response) => {
    fail(describeAnswer(response));
    socket.terminate();
  });
  // Always followed by "close", which reports it.
  socket.on('error', (error) => {
    fault = error;
  });
  socket.on('close', (code, reason) => {
    // Where every address of a host fails the error has a code and no message.
    const words = [fault?.message, fault?.code, reason.toString()].find((text) => text !== undefined && text !== '');
    const isUnseen = UNSEEN_CODES.has(fault?.code ?? '');
    if (!isOpen) return fail({ message: words ?? 'closed before the handshake', isUnseen });
    // Behind what it has said before.
    tell(() => {
      isWatched = false;
      handlers.onClose(`closed with code ${code}${words === undefined ? '' : `: ${words}`}`);
    });
  });
  return {
    ...sending(socket),
    terminate: () => {
      isWatched = false;
      socket.terminate();
    },
    closed,
  };
}

/** What is sent to one that is not open is lost. */
const sending = (socket: WebSocket): Pick<Socket, 'send' | 'ping'> => ({
  send: (text) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(text);
  },
  ping: () => {
    if (socket.readyState === WebSocket.OPEN) socket.ping();
  },
});

const atOnce: FrameTurns['take'] = (work) => work(0);

function byTurns(socket: WebSocket, turns: FrameTurns): FrameTurns['take'] {
  socket.on('open', () => turns.join(socket));
  socket.on('close', () => turns.leave(socket));
  return turns.take;
}

function createWebSocket(url: string, handshakeTimeoutMs: number): WebSocket {
  return new WebSocket(url, {
    // Compression would cost more time than the bytes it saves.
    perMessageDeflate: false,
    handshakeTimeout: handshakeTimeoutMs,
    maxPayload: FRAME_BYTES_MAX,
    // The decoder takes any text, and a broken character is no reason to lose the connection.
    skipUTF8Validation: true,
    headers: { 'user-agent': 'weir-feed' },
  });
}

function describeAnswer({ statusCode = 0, headers }: IncomingMessage): SocketFailure {
  const retryAfter = headers['retry-after'];
  const message = `HTTP status ${statusCode} instead of a WebSocket`;
  return { message, isUnseen: false, ...(retryAfter !== undefined && { retryAfter }) };
}
