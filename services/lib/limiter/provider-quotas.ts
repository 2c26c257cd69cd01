/** One quota per upstream, shared by all processes that call it. */

export interface ProviderQuota {
  readonly points: number;
  readonly durationMs: number;
  /** Smooth: never more than `points` in any span of `durationMs`, however the provider counts. Fixed: all points anew in each window. */
  readonly window: 'Smooth' | 'Fixed';
}

export interface ConsumeOptions {
  /** background leaves a reserve to interactive; default interactive. */
  readonly class?: 'interactive' | 'background';
  /** How long the caller will wait in the local queue; 0 or absent: not at all. */
  readonly waitMsMax?: number;
}

export type Consumption =
  | {
      readonly admitted: true;
      readonly basis: 'cluster' | 'local';
      /** To be called once when the call has ended; it only counts. */
      done(): void;
    }
  | { readonly admitted: false; readonly basis: 'cluster' | 'local'; readonly retryAfterMs: number };

export interface ProviderQuotas {
  /** Several quotas for one provider: the lowest rate holds. */
  configure(provider: string, quota: ProviderQuota): void;
  tryConsume(provider: string, scope: 'global', points: number, options?: ConsumeOptions): Promise<Consumption>;
  /** The provider has said 429: nobody in the cluster calls it for so long. */
  block(provider: string, forMs: number): Promise<void>;
  reset(provider: string): Promise<void>;
  close(): Promise<void>;
}
