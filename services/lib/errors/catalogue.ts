/** Every public error code of Weir as data: its HTTP status, whether the same call may work later, and what to do. */

export interface ErrorEntry {
  /** HTTP status of an answer with this code. */
  readonly status: number;
  /** Whether repeating the very same call later can succeed without anybody changing anything. */
  readonly retryable: boolean;
  /** What happened, the same for every occurrence. */
  readonly title: string;
  /** What the person who meets it should do. */
  readonly fix: string;
}

/** Codes are public and stable: one is never renamed, nor used again for something else. Sorted as docs/errors.md. */
export const errorCatalogue = {
  // Keys
  KEY_MISSING: {
    status: 401,
    retryable: false,
    title: 'API key missing',
    fix: 'Send the key as "Authorization: Bearer <key>".',
  },
  KEY_MALFORMED: {
    status: 401,
    retryable: false,
    title: 'API key malformed',
    fix: 'Check that the whole key was copied: its checksum does not match.',
  },
  KEY_UNKNOWN: {
    status: 401,
    retryable: false,
    title: 'API key unknown',
    fix: 'Use a key that was issued by this installation.',
  },
  KEY_REVOKED: {
    status: 401,
    retryable: false,
    title: 'API key revoked',
    fix: 'Ask the owner of the project for a new key.',
  },
  KEY_EXPIRED: {
    status: 401,
    retryable: false,
    title: 'API key expired or replaced',
    fix: 'Take the text that its Secret holds now, or ask the owner of the project for a new key.',
  },
  KEY_STORE_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'API keys cannot be checked now',
    fix: 'Try again after the time in Retry-After; the key itself may be valid.',
  },
  // Policies
  POLICY_MISSING: {
    status: 403,
    retryable: false,
    title: 'No policy for this API key',
    fix: 'Apply an ApiKeyPolicy whose tier is that of the key.',
  },
  POLICY_SUSPENDED: {
    status: 403,
    retryable: false,
    title: 'Policy suspended',
    fix: 'Ask the operator of this installation: spec.suspend of the ApiKeyPolicy is true.',
  },
  PROTOCOL_NOT_ALLOWED: {
    status: 403,
    retryable: false,
    title: 'Protocol not allowed',
    fix: 'Use a protocol that spec.access.protocols of the ApiKeyPolicy lists.',
  },
  ASSET_NOT_ALLOWED: {
    status: 403,
    retryable: false,
    title: 'Asset not allowed',
    fix: 'Ask for an asset of the feeds that spec.feedRefs of the ApiKeyPolicy names; GET /assets lists them.',
  },
  RATE_LIMITED: {
    status: 429,
    retryable: true,
    title: 'Rate limit exceeded',
    fix: 'Wait for the time in Retry-After, or ask for a plan with a higher limit.',
  },
  LIMITER_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'Limits cannot be checked now',
    fix: 'Try again after the time in Retry-After; the policy says onValkeyFailure: Deny.',
  },
  STREAMS_FULL: {
    status: 503,
    retryable: true,
    title: 'No room for another stream',
    fix: 'Try again after the time in Retry-After: another replica may have room. If it stays so, add replicas.',
  },
  // Prices
  ASSET_UNKNOWN: {
    status: 404,
    retryable: false,
    title: 'Asset unknown',
    fix: 'Ask for an asset that GET /assets lists, as "BTC" or "BTC-EUR".',
  },
  PRICE_NOT_AVAILABLE: {
    status: 503,
    retryable: true,
    title: 'No price yet',
    fix: 'Try again shortly; if it stays so, look at the status of the PriceFeed.',
  },
  PRICE_DEAD: {
    status: 503,
    retryable: true,
    title: 'The last price is too old',
    fix: 'Try again shortly; if it stays so, look at the sources in the status of the PriceFeed.',
  },
  // Requests
  INVALID_REQUEST: {
    status: 400,
    retryable: false,
    title: 'Invalid request',
    fix: 'Change the request as the detail says; /docs describes every parameter.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'Request body too large',
    fix: 'Send a smaller body; the detail names the limit.',
  },
  MEDIA_TYPE_UNSUPPORTED: {
    status: 415,
    retryable: false,
    title: 'Media type not supported',
    fix: 'Send "Content-Type: application/json".',
  },
  NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'No such route',
    fix: 'See /docs for the routes of this service.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    retryable: false,
    title: 'Method not allowed',
    fix: 'Use a method that the Allow header lists.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    retryable: false,
    title: 'Request headers too large',
    fix: 'Send fewer or shorter headers, 16 KiB together at most.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    retryable: true,
    title: 'Request not received in time',
    fix: 'Send the whole request without pausing.',
  },
  STARTING: {
    status: 503,
    retryable: true,
    title: 'This process is starting',
    fix: 'Wait until /readyz answers 200; its detail says what is missing.',
  },
  DRAINING: {
    status: 503,
    retryable: true,
    title: 'This process is shutting down',
    fix: 'Send the request again on a new connection: another replica answers it.',
  },
  INTERNAL: {
    status: 500,
    retryable: false,
    title: 'Internal error',
    fix: 'Report it with the instance of this answer; the line of the log with that instance has the cause.',
  },
  // Setting up
  CONFIG_INVALID: {
    status: 500,
    retryable: false,
    title: 'Invalid configuration',
    fix: 'Correct every setting that the message lists; docs/configuration.md describes them.',
  },
  RESOURCE_INVALID: {
    status: 400,
    retryable: false,
    title: 'Invalid custom resource',
    fix: 'Correct the fields that the message lists, then apply the file again.',
  },
  PORT_IN_USE: {
    status: 500,
    retryable: true,
    title: 'Port already in use',
    fix: 'Stop the other process, or choose another port with the setting that the message names.',
  },
  SERVER_BINARY_MISSING: {
    status: 500,
    retryable: false,
    title: 'No server program found',
    fix: 'Install the program that the message names, or run npm ci again with network access.',
  },
  // Stores
  VALKEY_TIMEOUT: {
    status: 503,
    retryable: true,
    title: 'Valkey did not answer in time',
    fix: 'Try again; if it stays so, look at the load and the network of Valkey.',
  },
  VALKEY_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'Valkey is not reachable',
    fix: 'Check that Valkey runs and that WEIR_VALKEY_URL names it.',
  },
  VALKEY_REFUSED: {
    status: 500,
    retryable: false,
    title: 'Valkey refused a command',
    fix: 'Check the version (Valkey 7.2 or Redis 7.0 at least), the memory and the ACL user of Valkey.',
  },
  POSTGRES_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'Postgres is not reachable',
    fix: 'Check that Postgres runs and that WEIR_POSTGRES_URL names it.',
  },
  POSTGRES_REFUSED: {
    status: 500,
    retryable: false,
    title: 'Postgres refused a statement',
    fix: 'Check the version (Postgres 15 at least) and the rights of the user; the log has the reason.',
  },
} as const satisfies Readonly<Record<string, ErrorEntry>>;

export type ErrorCode = keyof typeof errorCatalogue;
