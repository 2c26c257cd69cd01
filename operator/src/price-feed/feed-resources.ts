/** What a feed's container asks for where its PriceFeed does not say, by the number of its markets. Pure. */

interface Size {
  /** Up to so many markets: assets times sources. */
  readonly markets: number;
  readonly cpu: string;
  /** Requested, and the limit. */
  readonly memory: readonly [request: string, limit: string];
}

/**
 * Measured (docs/benchmarks.md, latency): 60,000 markets take three quarters of a core and up to 1 GB, of which 0.2 GB are alive: with
 * `--max-old-space-size=1024` it was 0.55 GB. A small feed takes 0.1 GB. Few sizes, far apart, since another one starts the pods anew.
 */
const SIZES: readonly Size[] = [
  { markets: 8_000, cpu: '50m', memory: ['128Mi', '512Mi'] },
  { markets: 24_000, cpu: '250m', memory: ['512Mi', '1Gi'] },
  { markets: 72_000, cpu: '750m', memory: ['1Gi', '2Gi'] },
];
const LARGEST: Omit<Size, 'markets'> = { cpu: '1', memory: ['2Gi', '4Gi'] };

export interface ContainerResources {
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly memory: string };
}

export function feedResources(assets: number, sources: number): ContainerResources {
  const { cpu, memory } = SIZES.find(({ markets }) => assets * sources <= markets) ?? LARGEST;
  return { requests: { cpu, memory: memory[0] }, limits: { memory: memory[1] } };
}
