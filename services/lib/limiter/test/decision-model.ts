/**
 * The decision script said again in TypeScript, in whole numbers without bound: what the script is held against on a real
 * server, and the store under the property tests.
 */

interface ModelLease {
  readonly tokens: bigint;
  readonly call: bigint;
  readonly expiryUs: bigint;
}

interface ModelBucket {
  /** Debt, in 10^-9 tokens, at `writtenUs`. */
  debt: bigint;
  writtenUs: bigint;
  rate: bigint;
  readonly leases: Map<string, ModelLease>;
}

export interface DecisionModel {
  run(key: string, args: readonly (string | number)[]): number[];
  /** What the script's hash says, in its words. */
  hash(key: string): Record<string, string>;
  ttlMs(key: string): number | undefined;
  /** Whole tokens and liabilities as a reader would find them now. */
  level(key: string, burst: number): number;
  liability(key: string): number;
  snapshot(): () => void;
  clear(): void;
}

/** What a mutation test switches off, to see that the tests notice. */
export interface ModelFaults {
  readonly noClamp?: boolean;
  readonly noClampAtExpiry?: boolean;
  readonly noCallNumbers?: boolean;
}

const TOKEN = 1_000_000_000n;
const TTL_STEP_US = 30_000_000n;

const max = (...values: bigint[]): bigint => values.reduce((a, b) => (a > b ? a : b));
const min = (...values: bigint[]): bigint => values.reduce((a, b) => (a < b ? a : b));
const ceilDiv = (a: bigint, b: bigint): bigint => (a <= 0n ? 0n : (a + b - 1n) / b);

export function createDecisionModel(nowUs: () => bigint, faults: ModelFaults = {}): DecisionModel {
  let buckets = new Map<string, ModelBucket>();
  const ttls = new Map<string, number>();

  /** The bucket as it is now: paid off by what time has passed, held back by what was out on lease meanwhile. */
  const observe = (bucket: ModelBucket): { bucket: ModelBucket; steppedBack: boolean; restate: boolean } => {
    const now = nowUs();
    const back = max(0n, bucket.writtenUs - now);
    const shifted = [...bucket.leases].map(
      ([name, lease]) => [name, { ...lease, expiryUs: lease.expiryUs - back }] as const,
    );
    const elapsed = max(0n, now - bucket.writtenUs);
    let debt = max(0n, bucket.debt - elapsed * bucket.rate);
    const live = shifted.filter(([, lease]) => lease.expiryUs > now);
    const out = live.reduce((sum, [, lease]) => sum + lease.tokens, 0n);
    if (!faults.noClamp) debt = max(debt, out * TOKEN);
    if (!faults.noClamp && !faults.noClampAtExpiry) {
      for (const [, ended] of shifted.filter(([, lease]) => lease.expiryUs <= now)) {
        const then = shifted.filter(([, lease]) => lease.expiryUs >= ended.expiryUs);
        const outThen = then.reduce((sum, [, lease]) => sum + lease.tokens, 0n);
        debt = max(debt, outThen * TOKEN - (now - ended.expiryUs) * bucket.rate);
      }
    }
    return {
      bucket: { debt, writtenUs: now, rate: bucket.rate, leases: new Map(live) },
      steppedBack: back > 0n,
      restate: back > 0n,
    };
  };

  const fresh = (rate: bigint): ModelBucket => ({ debt: 0n, writtenUs: nowUs(), rate, leases: new Map() });
  const levelOf = (debt: bigint, burst: bigint): bigint => max(0n, (burst * TOKEN - debt) / TOKEN);

  const run = (key: string, args: readonly (string | number)[]): number[] => {
    const number = (index: number): bigint => BigInt(args[index] ?? 0);
    const [rate, burst, retentionMs, cost, count] = [number(0), number(1), number(2), number(3), number(4)];
    const [ahead, leaseUs, call, held] = [number(5), number(7), number(9), number(10)];
    const divisor = max(1n, number(6));
    const holder = args[8] === undefined ? undefined : String(args[8]);
    const stored = buckets.get(key);
    const { bucket, restate } = observe(stored ?? fresh(rate));
    const mine = holder === undefined ? undefined : bucket.leases.get(holder);
    if (mine !== undefined && mine.call >= call && !faults.noCallNumbers) return [-1, 0, 0, 0, 0, 0, 0];
    const kept = mine === undefined ? 0n : min(held, mine.tokens);
    const returned = mine === undefined ? 0n : min(number(11), mine.tokens - kept);
    bucket.debt = max(0n, bucket.debt - returned * TOKEN);
    const available = levelOf(bucket.debt, burst);

    const fit = cost > 0n ? available / cost : max(count, 1n);
    const refusedBy = fit < max(count, 1n) ? 1 : 0;
    const admitted = min(count, fit);
    const left = available - admitted * cost;
    const granted = admitted === count ? min(ahead, max(count === 0n ? 1n : 0n, left / divisor), left) : 0n;
    const taken = admitted * cost + granted;

    const settles = taken > 0n || returned > 0n;
    bucket.debt += taken * TOKEN;
    const rateChanged = bucket.rate !== rate;
    bucket.rate = rate;
    if (settles || restate || rateChanged) {
      if (settles && holder !== undefined) {
        if (granted + kept > 0n)
          bucket.leases.set(holder, { tokens: granted + kept, call, expiryUs: nowUs() + leaseUs });
        else bucket.leases.delete(holder);
      }
      const isDue = stored === undefined || bucket.writtenUs / TTL_STEP_US !== stored.writtenUs / TTL_STEP_US;
      const owedMs = ceilDiv(bucket.debt + leaseUs * rate, rate * 1_000n);
      if (isDue || restate || owedMs > retentionMs) {
        ttls.set(key, Number(max(retentionMs, owedMs) + TTL_STEP_US / 1_000n));
      }
      buckets.set(key, bucket);
    }
    const waitUs = ceilDiv(bucket.debt - (burst - cost) * TOKEN, rate);
    const level = levelOf(bucket.debt, burst);
    return [
      refusedBy,
      ...[admitted, granted, settles ? kept : 0n, level, ceilDiv(bucket.debt, rate), waitUs].map(Number),
    ];
  };

  return {
    run,
    hash(key) {
      const bucket = buckets.get(key);
      if (bucket === undefined) return {};
      const { debt, rate, writtenUs } = bucket;
      const rest = debt % rate;
      const leases: Record<string, string> = {};
      for (const [name, { tokens, call, expiryUs }] of bucket.leases)
        leases[`lease:${name}`] = `${tokens}:${call}:${expiryUs}`;
      return {
        tat: String(writtenUs + debt / rate),
        last_refill: String(writtenUs),
        rate: String(rate),
        ...(rest > 0n && { rest: String(rest) }),
        ...leases,
      };
    },
    ttlMs: (key) => ttls.get(key),
    level(key, burst) {
      const bucket = buckets.get(key);
      return bucket === undefined ? burst : Number(levelOf(observe(bucket).bucket.debt, BigInt(burst)));
    },
    liability(key) {
      const bucket = buckets.get(key);
      if (bucket === undefined) return 0;
      return Number([...observe(bucket).bucket.leases.values()].reduce((sum, { tokens }) => sum + tokens, 0n));
    },
    snapshot() {
      const kept = structuredClone(buckets);
      return () => {
        buckets = structuredClone(kept);
      };
    },
    clear() {
      buckets.clear();
    },
  };
}
