/** Which quota this process has for each provider, out of what several feeds say of it; pure. */
import { isLowerQuota, lowestQuota } from '@weir/wire';
import type { ProviderQuota, QuotaSource } from './provider-quotas.ts';

/** For a provider of which nobody says anything. */
const DEFAULT_QUOTA: ProviderQuota = { points: 50_000, durationMs: 60_000, window: 'Smooth' };

export interface OwnQuota {
  readonly quota: ProviderQuota;
  /** Whether somebody has said it. */
  readonly isConfigured: boolean;
}

export interface QuotaRegister {
  of(provider: string): OwnQuota;
  set(owner: string, provider: string, quota: ProviderQuota | undefined): void;
  replace(owner: string, sources: readonly QuotaSource[]): void;
}

/** Up to here the script's integers stay below 2^53; more is taken for this much. */
const POINTS_MAX = 100_000_000;
const DURATION_MS_MAX = 86_400_000;

const UNSAID: OwnQuota = { quota: DEFAULT_QUOTA, isConfigured: false };

export function createQuotaRegister(): QuotaRegister {
  const said = new Map<string, Map<string, ProviderQuota>>();
  const held = new Map<string, OwnQuota>();
  const settle = (provider: string): void => {
    const quotas = [...said.values()].flatMap((of) => of.get(provider) ?? []);
    const quota = lowestQuota(quotas);
    if (quota === undefined) held.delete(provider);
    else held.set(provider, { quota, isConfigured: true });
  };
  return {
    of: (provider) => held.get(provider) ?? UNSAID,
    set(owner, provider, quota) {
      const own = said.get(owner) ?? new Map<string, ProviderQuota>();
      if (quota === undefined) own.delete(provider);
      else own.set(provider, bound(quota));
      said.set(owner, own);
      settle(provider);
    },
    replace(owner, sources) {
      const before = said.get(owner)?.keys() ?? [];
      const own = new Map<string, ProviderQuota>();
      for (const { exchange, quota } of sources) {
        if (quota === undefined) continue;
        const other = own.get(exchange);
        own.set(exchange, other !== undefined && isLowerQuota(other, quota) ? other : bound(quota));
      }
      if (own.size === 0) said.delete(owner);
      else said.set(owner, own);
      for (const provider of new Set([...before, ...own.keys()])) settle(provider);
    },
  };
}

function bound({ points, durationMs, window }: ProviderQuota): ProviderQuota {
  const whole = (value: number, most: number): number => Math.max(1, Math.min(most, Math.floor(value)));
  return { points: whole(points, POINTS_MAX), durationMs: whole(durationMs, DURATION_MS_MAX), window };
}
