/** Where a Valkey is and how to log in: the address of the settings, read into data. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

import { WeirError } from '@weir/errors';

export interface ValkeyTls {
  /** PEM of the authorities to trust; absent: those of the machine. */
  readonly ca?: string;
  /** Name that the certificate must carry; absent: the host. */
  readonly servername?: string;
}

/** A union, so that Sentinel and Cluster can join as further kinds. */
export type ValkeyTarget = StandaloneTarget;

export interface StandaloneTarget {
  readonly kind: 'standalone';
  readonly host: string;
  readonly port: number;
  readonly database?: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: ValkeyTls;
}

const DEFAULT_PORT = 6379;
const SCHEMES: Readonly<Record<string, { readonly isTls: boolean }>> = {
  'redis:': { isTls: false },
  'valkey:': { isTls: false },
  'rediss:': { isTls: true },
  'valkeys:': { isTls: true },
};

/** Without the text itself, which may hold a password. */
function invalid(problem: string): WeirError {
  const form = 'redis://[user[:password]@]host[:port][/database], or rediss:// for TLS';
  return new WeirError('CONFIG_INVALID', { detail: `the address of Valkey ${problem}; its form is ${form}` });
}

function readDatabase(path: string): number | undefined {
  const text = path.replace(/^\//, '');
  if (text === '') return undefined;
  if (!/^\d{1,4}$/.test(text)) throw invalid('names no valid database');
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (err) {
    throw new WeirError('CONFIG_INVALID', { detail: invalid('has a broken percent escape').detail, cause: err });
  }
}

/** Reads `redis://`, `valkey://` and their TLS forms; throws CONFIG_INVALID, never showing the password. */
export function parseValkeyUrl(text: string): ValkeyTarget {
  const url = URL.parse(text);
  if (url === null) throw invalid('is no URL');
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) throw invalid('has another scheme');
  if (url.hostname === '') throw invalid('names no host');
  const database = readDatabase(url.pathname);
  return {
    kind: 'standalone',
    // An IPv6 host stands in brackets in a URL, and only there.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    ...(database !== undefined && { database }),
    ...(url.username !== '' && { username: decode(url.username) }),
    ...(url.password !== '' && { password: decode(url.password) }),
    ...(scheme.isTls && { tls: {} }),
  };
}

/** Options of `tls.connect`; throws CONFIG_INVALID for authorities that are no PEM. */
export function tlsOptions(target: ValkeyTarget): { ca?: string; servername?: string } | undefined {
  if (target.tls === undefined) return undefined;
  const { ca, servername } = target.tls;
  try {
    // TLS itself would take any text, and then trust nobody without saying why.
    if (ca !== undefined) void new X509Certificate(ca);
  } catch (err) {
    throw new WeirError('CONFIG_INVALID', { detail: 'the CA certificate for Valkey is no PEM', cause: err });
  }
  const name = servername ?? (isIP(target.host) === 0 ? target.host : undefined);
  return { ...(ca !== undefined && { ca }), ...(name !== undefined && { servername: name }) };
}
