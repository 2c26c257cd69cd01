/** Every instrument of the provider quotas, by the question it answers. */
import type { GaugePoint, HotCounter, Telemetry } from '@weir/telemetry';
import type { GateOverview } from './provider-gate.ts';

export interface GateMetrics {
  /** How many points were taken, and who knew? */
  readonly consumed: Readonly<Record<'cluster' | 'local', HotCounter>>;
  readonly refused: Readonly<Record<'cluster' | 'local', HotCounter>>;
  readonly waited: HotCounter;
  readonly blocked: HotCounter;
}

export interface ProviderMetrics {
  of(provider: string): GateMetrics;
}

export function createProviderMetrics(
  telemetry: Pick<Telemetry, 'counter' | 'gauge'>,
  gates: () => readonly { overview(): GateOverview }[],
): ProviderMetrics {
  const gauge = (name: string, description: string, unit: string, read: (of: GateOverview) => number): void => {
    const points = (): GaugePoint[] =>
      gates()
        .map((gate) => gate.overview())
        .map((of) => ({ value: read(of), attributes: { provider: of.provider } }));
    telemetry.gauge(name, { description, unit }, points);
  };
  gauge('weir.provider.queued', 'Requests of this process that wait for points', '{request}', (of) => of.queued);
  gauge('weir.provider.running', 'Requests of this process under way', '{request}', (of) => of.running);
  gauge('weir.provider.local', '1 while this process goes by its safe share', '1', (of) => (of.isLocal ? 1 : 0));
  return {
    of(provider) {
      const byBasis = (name: string, description: string, unit: string): GateMetrics['consumed'] => {
        const counter = (basis: string): HotCounter =>
          telemetry.counter(name, { description, unit, attributes: { provider, basis } });
        return { cluster: counter('cluster'), local: counter('local') };
      };
      const attributes = { provider };
      return {
        consumed: byBasis('weir.provider.consumed', 'Points taken from the quota of a provider', '{point}'),
        refused: byBasis('weir.provider.refused', 'Requests that got no points', '{request}'),
        waited: telemetry.counter('weir.provider.waited', {
          description: 'Requests that got their points after waiting for more',
          unit: '{request}',
          attributes,
        }),
        blocked: telemetry.counter('weir.provider.blocked', {
          description: 'Blocks after a provider has said that it was asked too much',
          unit: '{block}',
          attributes,
        }),
      };
    },
  };
}
