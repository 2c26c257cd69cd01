/** Venues, Valkey and feeds go wrong by a seeded plan while served prices are held against the true ones. */
import { runChaos } from './chaos/chaos.ts';
import { startChaosWorld } from './chaos/world.ts';
import type { Soak } from './soak.ts';

export const chaosSoak: Soak = {
  name: 'chaos',
  summary: 'faults of venues, Valkey and feeds, by a seeded plan, while prices are held against the true ones',
  options: {
    seed: { description: 'of the plan and the prices', initial: 1 },
    'duration-ms': { description: 'of the faults', initial: 600_000 },
  },
  async run({ seed = 1, 'duration-ms': durationMs = 600_000 }) {
    const world = await startChaosWorld(seed);
    try {
      return await runChaos({ target: world.target, seed, durationMs, say: (text) => console.error(text) });
    } finally {
      await world.stop();
    }
  },
};
