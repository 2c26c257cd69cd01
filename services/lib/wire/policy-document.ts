/** The compiled form of an ApiKeyPolicy: field `<ns>/<name>` of the hash `policies`. Durations are ms, money is micro-dollars. */

export type Protocol = 'http' | 'udp' | 'sse';
export type OnValkeyFailure = 'Allow' | 'Deny' | 'LocalLimit';

export interface PolicyLimits {
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  readonly requestsPerMinute?: number;
  readonly requestsPerMonth?: number;
  readonly reportsPerMonth?: number;
  readonly minimumWaitMs?: number;
  readonly concurrency?: number;
}

/** A key that the policy asks for; its text lives in the named Secret and never here. */
export interface PolicyKey {
  readonly name: string;
  readonly project: string;
  readonly secretName: string;
  readonly expiresAtMs?: number;
  readonly rotate?: { readonly everyMs: number; readonly overlapMs: number };
}

export interface PolicyDocument {
  /** `<namespace>/<name>`. */
  readonly policy: string;
  readonly suspend: boolean;
  readonly mode: 'Enforce' | 'DryRun';
  /** Keys of this tier are bound to the policy. */
  readonly tier?: string;
  /** `<namespace>/<name>` of the feeds whose assets may be asked for; absent: every feed. */
  readonly feeds?: readonly string[];
  readonly limits: PolicyLimits;
  readonly budget: { readonly dailyMicro?: number; readonly monthlyMicro?: number };
  readonly costs: { readonly priceMicro: number; readonly reportMicro: number };
  readonly access: {
    readonly protocols: readonly Protocol[];
    readonly allowStale: boolean;
    readonly onDemandAssets: boolean;
  };
  readonly onValkeyFailure: OnValkeyFailure;
  readonly keys: readonly PolicyKey[];
}
