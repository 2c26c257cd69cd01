/** A PriceFeed and an ApiKeyPolicy that use every field of their specs. */
import { readResources, type Resource } from '../src/index.ts';

const everyFieldYaml = `
apiVersion: weir.dev/v1alpha1
kind: PriceFeed
metadata: { name: majors, namespace: prices, labels: { team: oracle }, annotations: { note: all fields } }
spec:
  suspend: false
  replicas: 2
  assets: [BTC, ETH, SOL]
  quote: USD
  sources:
  - { name: coinbase, exchange: coinbase }
  - name: kraken
    exchange: kraken
    prewarm: { interval: 30s }
    symbols: { BTC: BTC/USD }
    url: wss://ws.kraken.com/v2
    restUrl: https://api.kraken.com
    quota: { points: 60, duration: 60s, window: Fixed }
  aggregation: { method: Priority, minSources: 2, maxDeviationBps: 75 }
  freshness: { fresh: 2s, stale: 1m, dead: 1h }
  publish: { interval: 100ms, heartbeat: 1500ms }
  fallback: { enabled: false }
  workload:
    image: registry.example/weir:v1
    resources: { requests: { cpu: 100m } }
    nodeSelector: { zone: a }
    tolerations: [{ key: dedicated, operator: Exists }]
    topologySpreadConstraints: [{ maxSkew: 1 }]
    podLabels: { a: b }
    podAnnotations: { c: d }
---
apiVersion: weir.dev/v1alpha1
kind: ApiKeyPolicy
metadata: { name: pro, namespace: prices }
spec:
  suspend: true
  mode: DryRun
  tier: pro
  feedRefs: [{ name: majors }]
  limits: { requestsPerSecond: 10, burst: 20, requestsPerMinute: 500, requestsPerMonth: 50000, reportsPerMonth: 10, minimumWait: 500ms, concurrency: 50 }
  budget: { daily: "5.00", monthly: "100.00" }
  costs: { price: "0.0001", report: "0.01" }
  access: { protocols: [http, sse], allowStale: false, onDemandAssets: true }
  onValkeyFailure: Deny
  keys:
  - { name: acme, project: acme, secretRef: { name: acme-weir-key }, expiresAt: 2027-01-01T00:00:00Z, rotate: { every: 720h, overlap: 24h } }
`;

export function everything(): readonly Resource[] {
  return readResources(everyFieldYaml, 'every-field.yaml');
}
