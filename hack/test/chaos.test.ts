/** The short form of `npm run soak -- chaos`: every fault of the world, and the faults of venues that users ask about. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runChaos } from '../soak/chaos/chaos.ts';
import { planChaos } from '../soak/chaos/plan.ts';
import { startChaosWorld, type ChaosWorld } from '../soak/chaos/world.ts';

const SEED = 22;
const DURATION_MS = 52_000;
/** Processes start slowly beside other tests. */
const START_MS = 120_000;
const LONG_MS = 180_000;

let world: ChaosWorld;

beforeAll(async () => {
  world = await startChaosWorld(SEED);
}, START_MS);
afterAll(() => world.stop(), START_MS);

test('the plan holds what it is for', () => {
  const faults = planChaos({ seed: SEED, durationMs: DURATION_MS, venues: world.target.venues }).map(
    ({ fault }) => fault,
  );
  const ofVenues = ['cut', 'silence', 'halt', 'drain', 'bad-symbol', 'skew', 'lie', 'freeze'];
  const ofTheWorld = ['all-cut', 'all-silent', 'valkey-restart', 'flushall', 'feed-kill', 'standby-kill'];
  expect(faults).toEqual(expect.arrayContaining([...ofVenues, ...ofTheWorld]));
});

test(
  'no price leaves its rule, no age lies, a standby takes over in time, and all is fresh soon',
  { timeout: LONG_MS },
  async () => {
    const told: string[] = [];
    const { target } = world;
    const result = await runChaos({ target, seed: SEED, durationMs: DURATION_MS, say: (text) => told.push(text) });
    expect(result, told.join('\n')).toMatchObject({ violations: 0, refusals: 0, unpromised: 0, idle: [], ok: true });
  },
);
