/**
 * The datagram of a request: `WEIR1 <session> <asset> <unix_ms> <nonce> <hmac>`, padded with blanks to at least 256 bytes.
 *
 * `<hmac>` is HMAC-SHA256 in 64 lower-case hex digits, keyed with the text of the session's secret, over every byte before
 * the blank in front of it. One more field may stand between it and the padding: a W3C traceparent, which is not signed.
 * Pure; whatever arrives, `parseDatagram` answers and never throws.
 */
import { SESSION_ID_LENGTH } from './session-id.ts';
import type { MacKey } from './mac.ts';

export interface UdpRequest {
  readonly session: string;
  readonly asset: string;
  readonly unixMs: number;
  readonly nonce: string;
  /** How many bytes, from the first on, the hmac is over; it begins one further on. */
  readonly signedBytes: number;
  readonly traceparent: string | undefined;
}

/** A shorter one is ignored: answers to it could be larger than what a forged sender spends. */
export const DATAGRAM_BYTES_MIN = 256;
/** A longer one is no request; what pads more for a long answer stays far below it. */
const DATAGRAM_BYTES_MAX = 1_200;
/** How far `unix_ms` may be from the server's time, either way. */
export const TOLERANCE_MS = 30_000;

const GREETING = 'WEIR1 ';
const MAC_DIGITS = 64;
const NONCE_LENGTH_MIN = 8;
const NONCE_LENGTH_MAX = 32;
const ASSET_LENGTH_MAX = 31;
const UNIX_MS_DIGITS = 13;
const TRACEPARENT_LENGTH = 55;
/** Where the asset begins. */
const ASSET_AT = GREETING.length + SESSION_ID_LENGTH + 1;
/** No request has fields beyond this byte. */
const FIELDS_END =
  ASSET_AT + ASSET_LENGTH_MAX + UNIX_MS_DIGITS + NONCE_LENGTH_MAX + MAC_DIGITS + TRACEPARENT_LENGTH + 5;
const DIGITS = /^[0-9]{13}$/;
const PADDING = /^[ \0]*$/;

/** `undefined` for what is no request. Says nothing of whether it is genuine: see `isSignedBy`. */
export function parseDatagram(bytes: Buffer): UdpRequest | undefined {
  if (bytes.length < DATAGRAM_BYTES_MIN || bytes.length > DATAGRAM_BYTES_MAX) return undefined;
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, FIELDS_END));
  if (!text.startsWith(GREETING) || text.charCodeAt(ASSET_AT - 1) !== 32) return undefined;
  const assetEnd = text.indexOf(' ', ASSET_AT);
  const timeEnd = assetEnd + 1 + UNIX_MS_DIGITS;
  const nonceEnd = text.indexOf(' ', timeEnd + 1);
  if (assetEnd <= ASSET_AT || assetEnd - ASSET_AT > ASSET_LENGTH_MAX || nonceEnd === -1) return undefined;
  const nonceLength = nonceEnd - timeEnd - 1;
  if (nonceLength < NONCE_LENGTH_MIN || nonceLength > NONCE_LENGTH_MAX) return undefined;
  const time = text.slice(assetEnd + 1, timeEnd);
  if (text.charCodeAt(timeEnd) !== 32 || !DIGITS.test(time)) return undefined;
  const macEnd = nonceEnd + 1 + MAC_DIGITS;
  if (!isBlank(text.charCodeAt(macEnd))) return undefined;
  return {
    session: text.slice(GREETING.length, ASSET_AT - 1),
    asset: text.slice(ASSET_AT, assetEnd),
    unixMs: Number(time),
    nonce: text.slice(timeEnd + 1, nonceEnd),
    signedBytes: nonceEnd,
    traceparent: isBlank(text.charCodeAt(macEnd + 1)) ? undefined : readTraceparent(text, macEnd + 1),
  };
}

/** A blank or a zero byte; NaN, the end of the text, is one too, and then MAC digits may be missing: the MAC says so. */
function isBlank(code: number): boolean {
  return code === 32 || code === 0 || Number.isNaN(code);
}

/** What stands there if it has the length of one; tracing knows what else makes a traceparent. */
function readTraceparent(text: string, at: number): string | undefined {
  const end = at + TRACEPARENT_LENGTH;
  return PADDING.test(text.slice(end)) ? text.slice(at, end) : undefined;
}

/** Whether the hmac of a request is that of the session's secret; takes as long whether it is or not. */
export function isSignedBy(key: MacKey, bytes: Buffer, { signedBytes }: UdpRequest): boolean {
  const expected = key.sign(bytes, signedBytes);
  const at = signedBytes + 1;
  let differences = 0;
  for (let index = 0; index < MAC_DIGITS; index += 1) {
    // Beyond the end this is NaN for the byte, which `^` takes for 0: a difference to every digit.
    differences |= expected.charCodeAt(index) ^ Number(bytes[at + index]);
  }
  return differences === 0;
}

/** Eight digits of the hmac, from the given one on, as 32 bits: of a genuine datagram as good as random. */
export function macWord(bytes: Buffer, { signedBytes }: UdpRequest, digit: number): number {
  const at = signedBytes + 1 + digit;
  let word = 0;
  for (let index = 0; index < 8; index += 1) {
    const code = Number(bytes[at + index]);
    word = (word << 4) | (code < 58 ? code - 48 : code - 87);
  }
  return word;
}

export interface DatagramFields extends Pick<UdpRequest, 'session' | 'asset' | 'unixMs' | 'nonce'> {
  readonly traceparent?: string | undefined;
  /** At least 256; more lets longer answers through. */
  readonly bytes?: number;
}

/** What a client sends. */
export function encodeDatagram(key: MacKey, fields: DatagramFields): Buffer {
  const { session, asset, unixMs, nonce, traceparent, bytes = DATAGRAM_BYTES_MIN } = fields;
  const signed = Buffer.from(`${GREETING}${session} ${asset} ${unixMs} ${nonce}`, 'latin1');
  const mac = key.sign(signed, signed.length);
  const text = `${signed.toString('latin1')} ${mac}${traceparent === undefined ? '' : ` ${traceparent}`}`;
  return Buffer.from(text.padEnd(bytes), 'latin1');
}
