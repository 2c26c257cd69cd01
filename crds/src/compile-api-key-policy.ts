/** ApiKeyPolicy to the document that deciders read. Pure: the same resource always gives the same document. */
import { parseMicroDollars, type PolicyDocument, type PolicyKey, type PolicyLimits } from '@weir/wire';
import { parseDurationMs } from './duration.ts';
import type { ApiKeyPolicy, ApiKeyPolicySpec } from './generated/api-key-policy.ts';

/** For a resource that has its defaults, as `readResources` and the API server give it. */
export function compileApiKeyPolicy({ metadata, spec }: Pick<ApiKeyPolicy, 'metadata' | 'spec'>): PolicyDocument {
  const { budget, costs, access, tier, feedRefs } = spec;
  return {
    policy: `${metadata.namespace}/${metadata.name}`,
    suspend: spec.suspend,
    mode: spec.mode,
    ...(tier !== undefined && { tier }),
    ...(feedRefs !== undefined && { feeds: feedRefs.map(({ name }) => `${metadata.namespace}/${name}`) }),
    limits: compileLimits(spec.limits),
    budget: {
      ...(budget.daily !== undefined && { dailyMicro: microDollars(budget.daily) }),
      ...(budget.monthly !== undefined && { monthlyMicro: microDollars(budget.monthly) }),
    },
    costs: { priceMicro: microDollars(costs.price), reportMicro: microDollars(costs.report) },
    access: {
      protocols: access.protocols,
      allowStale: access.allowStale,
      onDemandAssets: access.onDemandAssets,
    },
    onValkeyFailure: spec.onValkeyFailure,
    keys: spec.keys.map(compileKey),
  };
}

function compileLimits({ minimumWait, ...counts }: ApiKeyPolicySpec['limits']): PolicyLimits {
  return { ...counts, ...(minimumWait !== undefined && { minimumWaitMs: parseDurationMs(minimumWait) }) };
}

function compileKey({ name, project, secretRef, expiresAt, rotate }: ApiKeyPolicySpec['keys'][number]): PolicyKey {
  return {
    name,
    project,
    secretName: secretRef.name,
    ...(expiresAt !== undefined && { expiresAtMs: Date.parse(expiresAt) }),
    ...(rotate !== undefined && {
      rotate: { everyMs: parseDurationMs(rotate.every), overlapMs: parseDurationMs(rotate.overlap) },
    }),
  };
}

/** Throws RangeError for a text that the schema refuses. */
function microDollars(text: string): number {
  const micro = parseMicroDollars(text);
  if (micro === undefined) throw new RangeError(`not an amount of US dollars: "${text}"`);
  return micro;
}
