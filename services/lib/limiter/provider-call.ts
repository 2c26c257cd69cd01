/** Calls of the provider script for one provider: numbered, so that a repeat or a late execution does no harm. */
import { keyspace } from '@weir/keyspace';
import type { ValkeyClient } from '@weir/valkey';
import type { RequestClass } from './provider-queue.ts';
import { providerScript, readProviderReply, type ProviderReply } from './provider-script.ts';
import type { OwnQuota } from './quota-register.ts';

/** What a call is for; everything absent is nothing. */
export interface ProviderErrand {
  readonly cost?: number;
  readonly count?: number;
  readonly requestClass?: RequestClass;
  readonly ahead?: number;
  readonly held?: number;
  readonly returned?: number;
  /** Admitted while Valkey was away. */
  readonly owed?: number;
  readonly told?: { readonly points: number; readonly expire: number } | undefined;
  readonly blockMs?: number;
}

export interface ProviderCallOptions {
  readonly provider: string;
  readonly decide: Pick<ValkeyClient, 'run'>;
  readonly holder: string;
  quota(): OwnQuota;
  livePods(): number;
}

export interface ProviderCall {
  (errand: ProviderErrand): Promise<ProviderReply>;
  readonly key: string;
}

export function createProviderCall(options: ProviderCallOptions): ProviderCall {
  const { decide, holder } = options;
  const key = keyspace.providerQuota.key({ provider: options.provider });
  let callNumber = 0;
  const call = async (errand: ProviderErrand): Promise<ProviderReply> => {
    callNumber += 1;
    const { quota, isConfigured } = options.quota();
    const {
      cost = 1,
      count = 0,
      requestClass,
      ahead = 0,
      held = 0,
      returned = 0,
      owed = 0,
      told,
      blockMs = 0,
    } = errand;
    const divisor = 2 * Math.max(1, options.livePods());
    const leases = ahead > 0 || returned > 0;
    const what = [quota.points, quota.durationMs, quota.window, isConfigured ? 1 : 0];
    const wanted = [cost, count, requestClass === 'background' ? 1 : 0, ahead, divisor];
    // Without a name the lease stays as it is.
    const lease = [leases ? holder : '', callNumber, held, returned];
    const restated = [owed, told?.points ?? -1, told?.expire ?? 0, blockMs];
    const reply = await decide.run(providerScript, [key], [...what, ...wanted, ...lease, ...restated]);
    return readProviderReply(reply);
  };
  return Object.assign(call, { key });
}
