/** What goes in and out over HTTP, as schemas: checked on the way in, documentation on the way out. */
import type { ErrorCode } from '@weir/errors';
import type { DescribedSchema } from '@weir/http';
import { PRICE_FLAGS, PRICE_STATUSES } from '@weir/wire';
import { Type } from 'typebox';

export const AssetText = Type.String({
  pattern: '^[A-Z0-9]{1,15}(?:-[A-Z0-9]{1,15})?$',
  description: 'An asset in USD, such as BTC, or in another quote, such as BTC-EUR. Upper case.',
  examples: ['BTC'],
});

export const PriceAnswer = Type.Object(
  {
    asset: Type.String(),
    price: Type.Number({ description: 'Written from the exact text in price_text.' }),
    timestamp: Type.String({ format: 'date-time', description: 'When the price was last known to be current.' }),
    readable_timestamp: Type.String(),
    source: Type.String({ description: 'Where the price came from, such as coinbase-ws or median.' }),
    latency_ms: Type.Number({
      description:
        "From the arrival of a venue's frame to publication; 0 where no frame of the asset's own made the price another.",
    }),
    quote: Type.String(),
    price_text: Type.String({ description: 'The exact decimal.' }),
    confidence: Type.String({
      description:
        'How far from the price the sources are: the wider side of the middle half of their votes, with their spreads. An exact decimal.',
    }),
    sources: Type.Array(Type.String(), { description: 'Every source that had a say, such as coinbase-ws.' }),
    flags: Type.Optional(
      Type.Array(Type.Union(PRICE_FLAGS.map((flag) => Type.Literal(flag))), {
        description:
          'Only when there are any. single: one source alone. disputed: two sources differ, and one of them stands. ' +
          'depeg: prices in USDT are left out. hold: a leap that no second source confirms is being waited out.',
      }),
    ),
    seq: Type.Integer({ description: 'Strictly increasing for a pair.' }),
    cached: Type.Boolean({ description: 'Whether the answer came from a cache and not from a fetch made for it.' }),
    age_ms: Type.Integer({ description: 'Age of the price at the moment of the answer.' }),
    status: Type.Union(
      PRICE_STATUSES.map((status) => Type.Literal(status)),
      { description: 'By the thresholds of the feed; a dead price is served only where the policy allows it.' },
    ),
  },
  { description: 'A price' },
);

export const AssetList = Type.String({
  minLength: 1,
  maxLength: 3_200,
  description: 'At most 100 assets, separated by commas, such as BTC,ETH-EUR.',
  examples: ['BTC,ETH'],
});

const AssetError = Type.Object({ asset: Type.String(), code: Type.String(), detail: Type.String() });

export const PricesAnswer = Type.Object(
  {
    prices: Type.Array(PriceAnswer),
    errors: Type.Array(AssetError, { description: 'Assets that could not be answered; they are not charged.' }),
  },
  { description: 'The prices there are, in the order asked for' },
);

const ListedAsset = Type.Object({
  pair: Type.String({ description: 'What to ask for.' }),
  asset: Type.String(),
  quote: Type.String(),
  feed: Type.String({ description: 'Namespace and name of the PriceFeed.' }),
  freshness: Type.Object(
    { fresh_ms: Type.Integer(), stale_ms: Type.Integer(), dead_ms: Type.Integer() },
    { description: 'Ages up to which a price counts as fresh, as aging, and as stale.' },
  ),
});

export const AssetsAnswer = Type.Object(
  { assets: Type.Array(ListedAsset) },
  { description: 'What the key may ask for' },
);

/** What can be wrong with a key, whatever is asked for. */
export const KEY_REFUSALS: readonly ErrorCode[] = [
  'KEY_MISSING',
  'KEY_MALFORMED',
  'KEY_UNKNOWN',
  'KEY_REVOKED',
  'KEY_EXPIRED',
  'POLICY_MISSING',
  'POLICY_SUSPENDED',
  'PROTOCOL_NOT_ALLOWED',
  'KEY_STORE_UNAVAILABLE',
  'STARTING',
];

const LIMIT = 'What is left of the limit and within which time: draft-ietf-httpapi-ratelimit-headers-11.';
const POLICY = 'The limit itself: its quota and its window.';

export const UdpSessionAnswer = Type.Object(
  {
    session: Type.String({ description: 'Stands in every datagram.' }),
    secret: Type.String({ description: 'Its text is the key of HMAC-SHA256; it never stands in a datagram.' }),
    expires_at: Type.String({ format: 'date-time' }),
    port: Type.Integer({ description: 'UDP port of the server itself; a Service or a balancer may have another one.' }),
    request_bytes_min: Type.Integer({ description: 'Shorter datagrams are ignored.' }),
    tolerance_ms: Type.Integer({ description: 'How far unix_ms may be from the time of the server.' }),
  },
  { description: 'A session' },
);

/** Of the route that makes sessions. */
export const sessionAnswers = {
  refusals: ['RATE_LIMITED', 'LIMITER_UNAVAILABLE', 'VALKEY_TIMEOUT', 'VALKEY_UNAVAILABLE'],
  answerHeaders: {
    201: { RateLimit: LIMIT, 'RateLimit-Policy': POLICY },
    429: { RateLimit: LIMIT, 'RateLimit-Policy': POLICY, 'Retry-After': 'Seconds until the same instant.' },
  },
} satisfies DescribedSchema;

/** Of routes that cost nothing. */
export const freeAnswers = { refusals: KEY_REFUSALS } satisfies DescribedSchema;

/** What can be wrong with a call before there is a price. */
const CALL_REFUSALS: readonly ErrorCode[] = [
  ...KEY_REFUSALS,
  'INVALID_REQUEST',
  'ASSET_NOT_ALLOWED',
  'ASSET_UNKNOWN',
  'RATE_LIMITED',
  'LIMITER_UNAVAILABLE',
];

/** Of routes that answer prices and charge for them. */
export const chargedAnswers = {
  refusals: [...CALL_REFUSALS, 'PRICE_NOT_AVAILABLE', 'PRICE_DEAD'],
  answerHeaders: {
    200: { RateLimit: LIMIT, 'RateLimit-Policy': POLICY },
    429: { RateLimit: LIMIT, 'RateLimit-Policy': POLICY, 'Retry-After': 'Seconds until the same instant.' },
  },
} satisfies DescribedSchema;

/** Of the route whose answers are streams; that there is no price is an event of one. */
export const streamAnswers = {
  ...chargedAnswers,
  refusals: [...CALL_REFUSALS, 'STREAMS_FULL', 'DRAINING'],
  response: {
    200: {
      description: 'Events until the client leaves, or until an event "end" that says why',
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    },
  },
} satisfies DescribedSchema;
