/** `WEIR1 <session> <asset> <unix_ms> <nonce> <hmac>`, padded to at least 256 bytes. */
export interface UdpRequest {
  readonly session: string;
  readonly asset: string;
  readonly unixMs: number;
  readonly nonce: string;
}
