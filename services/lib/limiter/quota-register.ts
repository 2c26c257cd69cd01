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

/** By provider. */
type Quotas = ReadonlyMap<string, ProviderQuota>;

const NOTHING: Quotas = new Map();

export function createQuotaRegister(): QuotaRegister {
  const byOwner = new Map<string, Quotas>();
  const byProvider = new Map<string, Map<string, ProviderQuota>>();
  const held = new Map<string, OwnQuota>();

  /** Looks at what others say only when the lowest is taken back. */
  const settle = (owner: string, provider: string, quota: ProviderQuota | undefined): void => {
    const said = byProvider.get(provider) ?? new Map<string, ProviderQuota>();
    byProvider.set(provider, said);
    const before = said.get(owner);
    if (isSame(before, quota)) return;
    if (quota === undefined) said.delete(owner);
    else said.set(owner, quota);
    const lowest = held.get(provider)?.quota;
    const isNewLowest = quota !== undefined && (lowest === undefined || isLowerQuota(quota, lowest));
    const wasLowest = before !== undefined && isSame(before, lowest);
    const holds = isNewLowest ? quota : wasLowest ? lowestQuota(said.values()) : lowest;
    if (holds === undefined) held.delete(provider);
    else held.set(provider, { quota: holds, isConfigured: true });
  };

  const change = (owner: string, quotas: Quotas): void => {
    const before = byOwner.get(owner) ?? NOTHING;
    if (quotas.size === 0) byOwner.delete(owner);
    else byOwner.set(owner, quotas);
    for (const provider of before.keys()) if (!quotas.has(provider)) settle(owner, provider, undefined);
    for (const [provider, quota] of quotas) settle(owner, provider, quota);
  };

  return {
    of: (provider) => held.get(provider) ?? UNSAID,
    set(owner, provider, quota) {
      const own = new Map(byOwner.get(owner));
      if (quota === undefined) own.delete(provider);
      else own.set(provider, bound(quota));
      change(owner, own);
    },
    replace(owner, sources) {
      const own = new Map<string, ProviderQuota>();
      for (const { exchange, quota } of sources) {
        if (quota === undefined) continue;
        const other = own.get(exchange);
        own.set(exchange, other !== undefined && isLowerQuota(other, quota) ? other : bound(quota));
      }
      change(owner, own);
    },
  };
}

function isSame(a: ProviderQuota | undefined, b: ProviderQuota | undefined): boolean {
  return a?.points === b?.points && a?.durationMs === b?.durationMs && a?.window === b?.window;
}

function bound({ points, durationMs, window }: ProviderQuota): ProviderQuota {
  const whole = (value: number, most: number): number => Math.max(1, Math.min(most, Math.floor(value)));
  return { points: whole(points, POINTS_MAX), durationMs: whole(durationMs, DURATION_MS_MAX), window };
}
