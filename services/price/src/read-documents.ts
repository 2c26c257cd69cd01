/** The compiled documents of `feeds` and `policies`, as far as `price` reads them; what is not of this form is left out. */
import { parameters } from '@weir/keyspace';
import type { FeedDocument, PolicyDocument } from '@weir/wire';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

export type Feed = Pick<
  FeedDocument,
  'feed' | 'suspend' | 'assets' | 'quote' | 'sources' | 'freshness' | 'fallback'
> & {
  readonly publish: Pick<FeedDocument['publish'], 'heartbeatMs'>;
};
export type Policy = Pick<
  PolicyDocument,
  'policy' | 'suspend' | 'mode' | 'tier' | 'feeds' | 'limits' | 'access' | 'onValkeyFailure'
> &
  Partial<Pick<PolicyDocument, 'budget'>>;

const code = Type.String({ pattern: `^(?:${parameters.asset.pattern})$` });
const amount = Type.Optional(Type.Number());
const ageMs = Type.Number({ minimum: 0 });

const quotaSchema = Type.Object({
  points: Type.Number({ exclusiveMinimum: 0 }),
  durationMs: Type.Number({ exclusiveMinimum: 0 }),
  window: Type.Enum(['Smooth', 'Fixed']),
});

const feedSchema = Type.Object({
  feed: Type.String(),
  suspend: Type.Boolean(),
  assets: Type.Array(code),
  quote: code,
  sources: Type.Array(
    Type.Object({
      name: Type.String(),
      exchange: Type.String(),
      url: Type.Optional(Type.String()),
      restUrl: Type.Optional(Type.String()),
      symbols: Type.Optional(Type.Record(Type.String(), Type.String())),
      quota: Type.Optional(quotaSchema),
    }),
  ),
  fallback: Type.Object({ enabled: Type.Boolean() }),
  freshness: Type.Object({ freshMs: ageMs, staleMs: ageMs, deadMs: ageMs }),
  publish: Type.Object({ heartbeatMs: Type.Number({ minimum: 0 }) }),
});

const policySchema = Type.Object({
  policy: Type.String(),
  suspend: Type.Boolean(),
  mode: Type.Enum(['Enforce', 'DryRun']),
  tier: Type.Optional(Type.String()),
  feeds: Type.Optional(Type.Array(Type.String())),
  limits: Type.Object({
    requestsPerSecond: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    burst: Type.Optional(Type.Integer({ minimum: 1 })),
    requestsPerMinute: amount,
    requestsPerMonth: amount,
    reportsPerMonth: amount,
    minimumWaitMs: amount,
    concurrency: amount,
  }),
  budget: Type.Optional(Type.Object({ dailyMicro: amount, monthlyMicro: amount })),
  access: Type.Object({
    protocols: Type.Array(Type.Enum(['http', 'udp', 'sse'])),
    allowStale: Type.Boolean(),
    onDemandAssets: Type.Boolean(),
  }),
  onValkeyFailure: Type.Enum(['Allow', 'Deny', 'LocalLimit']),
});

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

export function readFeed(json: string): Feed | undefined {
  const value = parseJson(json);
  return Value.Check(feedSchema, value) ? value : undefined;
}

export function readPolicy(json: string): Policy | undefined {
  const value = parseJson(json);
  return Value.Check(policySchema, value) ? value : undefined;
}
