/**
 * Prices by datagram: the form of requests, session ids with a MAC, memory for replays, and a bounded server socket.
 *
 * Guarantees: what is too short, forged or seen before is told from a genuine request without any I/O and in bounded memory;
 * an answer is never longer than twice its request. Does not: keep sessions, know keys, limits or prices, or decide what
 * is answered.
 */
export {
  DATAGRAM_BYTES_MIN,
  encodeDatagram,
  isSignedBy,
  macWord,
  parseDatagram,
  TOLERANCE_MS,
  type DatagramFields,
  type UdpRequest,
} from './datagram.ts';
export { createMacKey, type MacKey } from './mac.ts';
export { createReplayWindow, type ReplayWindow } from './replay-window.ts';
export { createSessionIds, SESSION_ID_LENGTH, type SessionFacts, type SessionIds } from './session-id.ts';
export { ANSWER_FACTOR_MAX, openUdpSocket, type Sending, type UdpSocket, type UdpSocketOptions } from './socket.ts';
