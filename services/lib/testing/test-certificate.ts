/**
 * A self-signed certificate for a TLS server on this machine, made when a test asks: none lies in the repository and
 * none expires there. X.509 in just the DER that this takes (RFC 5280), instead of a library for certificates.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

import { systemClock } from '@weir/clock';

export interface TestCertificate {
  /** PEM; the certificate is its own authority. */
  readonly cert: string;
  readonly key: string;
}

const TAG = { integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, utf8: 0x0c, time: 0x18, sequence: 0x30, set: 0x31 };
const OID = {
  commonName: '550403',
  ecdsaWithSha256: '2a8648ce3d040302',
  altName: '551d11',
  basicConstraints: '551d13',
};
const YEAR_MS = 365 * 24 * 3_600_000;

/** One DER element. */
function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.from(content.length.toString(16).padStart(content.length > 255 ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 + length.length]), length, content]);
}

const sequence = (...contents: Uint8Array[]): Buffer => der(TAG.sequence, ...contents);
const oid = (hex: string): Buffer => der(TAG.oid, Buffer.from(hex, 'hex'));
const bits = (bytes: Uint8Array): Buffer => der(TAG.bits, Buffer.from([0]), bytes);
const named = (commonName: string): Buffer =>
  sequence(der(TAG.set, sequence(oid(OID.commonName), der(TAG.utf8, Buffer.from(commonName)))));
const time = (ms: number): Buffer =>
  der(TAG.time, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`));
const extension = (id: string, value: Buffer): Buffer => sequence(oid(id), der(TAG.octets, value));

/** Context tags 2 (DNS name) and 7 (IP address) of GeneralName. */
function altName(name: string): Buffer {
  return isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name));
}

/** Valid for the given names, IPv4 addresses among them. */
export function createTestCertificate(names: readonly string[] = ['localhost', '127.0.0.1']): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const nowMs = systemClock.nowMs();
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const isAuthority = sequence(Buffer.from([0x01, 0x01, 0xff]));
  const extensions = sequence(
    extension(OID.altName, sequence(...names.map(altName))),
    extension(OID.basicConstraints, isAuthority),
  );
  const body = sequence(
    der(0xa0, der(TAG.integer, Buffer.from([2]))),
    // A leading 01 keeps the number positive.
    der(TAG.integer, Buffer.from([1]), randomBytes(8)),
    algorithm,
    named('weir test'),
    sequence(time(nowMs - YEAR_MS), time(nowMs + YEAR_MS)),
    named('weir test'),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  const certificate = sequence(body, algorithm, bits(sign('sha256', body, privateKey)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
}
