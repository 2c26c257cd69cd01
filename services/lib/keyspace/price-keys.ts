/** Prices, the feeds that make them and what `price` keeps beside them. */
import { defineFamily } from './family.ts';

export const priceKeys = {
  price: defineFamily('key', 'price:<pair>', {
    type: 'string JSON',
    ttl: 'max(prewarm interval + 60 s, 600 s)',
    writers: ['feed', 'price'],
    readers: ['price', 'webhook'],
    notes: 'price record; set only if `seq` is greater; `price` writes (T3) only if absent or dead',
  }),
  priceUpdates: defineFamily('channel', 'price:updates', {
    type: 'pub/sub',
    ttl: '–',
    writers: ['feed'],
    readers: ['price', 'console', 'webhook'],
    notes:
      'conflated batch at most every 50 ms, 1 s heartbeat; numbered per (feed, lease start): a gap makes the reader re-read that feed’s assets, at most 2,000/s, hot ones first',
  }),
  venueInstruments: defineFamily('key', 'venue:instruments:<venue>', {
    type: 'hash `<ASSET>-<QUOTE>` → symbol',
    ttl: '24 h',
    ttlSeconds: 86_400,
    writers: ['feed', 'price'],
    readers: ['feed', 'price'],
    notes:
      'replaced whole when it is over an hour old, or five minutes with a market that stands still; `<ASSET>-<QUOTE>:rest` → name in REST requests and answers where it is another one; `<ASSET>-<QUOTE>:halted` → `1` where the venue lists it as standing still; `from` → the REST address that was asked: a list of another one is not taken',
  }),
  feedStatus: defineFamily('key', 'feed:status:<namespace>/<name>', {
    type: 'string JSON',
    ttl: '30 s',
    ttlSeconds: 30,
    writers: ['feed'],
    readers: ['operator', 'console'],
    notes: 'written every second by the active feed; one over 16 KB that says nothing new, every 3 s',
  }),
  feedLease: defineFamily('key', 'feed:lease:<namespace>/<name>', {
    type: 'string',
    ttl: '2 s',
    ttlSeconds: 2,
    writers: ['feed'],
    readers: ['feed'],
    notes:
      'renewed every 500 ms by the active one, polled every 250 ms by the standbys; `deaf` after the holder: it hears no source, `asked`: a standby that hears some wants it',
  }),
  fetchLock: defineFamily('key', 'fetch:lock:<pair>', {
    type: 'string',
    ttl: '2 s',
    ttlSeconds: 2,
    writers: ['price'],
    readers: ['price'],
    notes: 'one fetch (T3) at a time in the cluster',
  }),
  fetchNone: defineFamily('key', 'fetch:none:<pair>', {
    type: 'string',
    ttl: '5 s',
    ttlSeconds: 5,
    writers: ['price'],
    readers: ['price'],
    notes: 'negative entry of T3',
  }),
  udpSession: defineFamily('key', 'udp:session:<session_id>', {
    type: 'hash key_id, secret',
    ttl: '1 h',
    ttlSeconds: 3_600,
    writers: ['price'],
    readers: ['price'],
    notes: 'lost with Valkey; clients renew after three silent tries',
  }),
  udpSessions: defineFamily('key', 'udp:sessions:{<key_id>}', {
    type: 'zset by expiry: session_id',
    ttl: '1 h',
    ttlSeconds: 3_600,
    writers: ['price'],
    readers: ['price'],
    notes: 'the UDP sessions of a key, 100 at most',
  }),
} as const;
