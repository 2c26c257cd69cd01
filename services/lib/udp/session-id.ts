/**
 * Session ids that prove themselves: 64 bytes in base64url, sealed under a secret that all servers of an installation share.
 *
 * | bytes | what |
 * | --- | --- |
 * | 4 | end of the session, whole seconds since 1970 |
 * | 12 | random |
 * | 32 | SHA-256 of the API key, masked by HMAC(secret, the 16 bytes before): whoever sees the id learns nothing of the key |
 * | 16 | HMAC(secret, the 48 bytes before), cut off |
 *
 * So an invented or ended id costs two hashes and no look-up, and an id that is genuine leads to its key.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface SessionFacts {
  /** Of the API key that it was made with, as `apikey:<sha256>` has it: lower-case hex. */
  readonly sha256: string;
  readonly expiresAtMs: number;
}

export interface SessionIds {
  seal(facts: SessionFacts): string;
  /** `undefined` for an id that nobody sealed under this secret. Ended ones are opened too. */
  open(id: string): SessionFacts | undefined;
}

/** Characters of every id. */
export const SESSION_ID_LENGTH = 86;

const HEAD_BYTES = 16;
const SEALED_BYTES = 48;
const ID_BYTES = 64;
const ID_FORM = /^[A-Za-z0-9_-]{86}$/;

export function createSessionIds(secret: string, random: (size: number) => Buffer = randomBytes): SessionIds {
  const maskKey = deriveKey(secret, 'weir udp session: mask');
  const macKey = deriveKey(secret, 'weir udp session: mac');
  const macOf = (sealed: Buffer): Buffer =>
    createHmac('sha256', macKey)
      .update(sealed)
      .digest()
      .subarray(0, ID_BYTES - SEALED_BYTES);

  return {
    seal({ sha256, expiresAtMs }) {
      const head = Buffer.concat([Buffer.alloc(4), random(HEAD_BYTES - 4)]);
      head.writeUInt32BE(Math.floor(expiresAtMs / 1_000));
      const sealed = Buffer.concat([head, mask(maskKey, head, Buffer.from(sha256, 'hex'))]);
      return Buffer.concat([sealed, macOf(sealed)]).toString('base64url');
    },
    open(id) {
      if (!ID_FORM.test(id)) return undefined;
      const bytes = Buffer.from(id, 'base64url');
      const sealed = bytes.subarray(0, SEALED_BYTES);
      if (!timingSafeEqual(macOf(sealed), bytes.subarray(SEALED_BYTES))) return undefined;
      // 86 characters hold 516 bits: of the four to spare only one value is an id, or one session had many.
      if (bytes.toString('base64url') !== id) return undefined;
      const head = sealed.subarray(0, HEAD_BYTES);
      const sha256 = mask(maskKey, head, sealed.subarray(HEAD_BYTES)).toString('hex');
      return { sha256, expiresAtMs: head.readUInt32BE() * 1_000 };
    },
  };
}

/** One secret, two uses: each has a key of its own. */
function deriveKey(secret: string, purpose: string): Buffer {
  return createHmac('sha256', secret).update(purpose).digest();
}

/** Masks and unmasks: twice is nothing. */
function mask(key: Buffer, head: Buffer, bytes: Buffer): Buffer {
  const stream = createHmac('sha256', key).update(head).digest();
  return Buffer.from(bytes.map((byte, index) => byte ^ Number(stream[index])));
}
