/**
 * The text of an API key: `weir_<live|test>_<22 base62><6 base62 CRC>`.
 *
 * The last six characters are the CRC-32 of everything before them, so that a mistyped or invented text is refused
 * without asking anybody. That is no protection: the 131 random bits before them are.
 */
import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type KeyMode = 'live' | 'test';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARACTERS = 22;
const CHECKSUM_CHARACTERS = 6;
const KEY_TEXT = /^weir_(?:live|test)_[0-9A-Za-z]{28}$/;

/** The largest multiple of 62 a byte can hold: bytes from here on are drawn again, else some characters came up more often. */
const UNBIASED_BYTES = 256 - (256 % ALPHABET.length);

/** A new key text; `random` is a parameter for tests. */
export function createKeyText(mode: KeyMode, random: (size: number) => Uint8Array = randomBytes): string {
  let body = `weir_${mode}_`;
  const length = body.length + RANDOM_CHARACTERS;
  while (body.length < length) {
    for (const byte of random(RANDOM_CHARACTERS)) {
      if (byte < UNBIASED_BYTES && body.length < length) body += ALPHABET.charAt(byte % ALPHABET.length);
    }
  }
  return body + checksum(body);
}

/** Whether a text has the form and the checksum of a key. Costs no I/O. */
export function checkKeyText(text: string): boolean {
  if (!KEY_TEXT.test(text)) return false;
  return checksum(text.slice(0, -CHECKSUM_CHARACTERS)) === text.slice(-CHECKSUM_CHARACTERS);
}

/** SHA-256, lower-case hex: the only form in which a key leaves the memory of a process. */
export function hashKeyText(text: string): string {
  return hash('sha256', text, 'hex');
}

function checksum(body: string): string {
  let rest = crc32(body);
  let digits = '';
  for (let position = 0; position < CHECKSUM_CHARACTERS; position += 1) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}
