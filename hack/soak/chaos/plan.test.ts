import { expect, test } from 'vitest';
import { planChaos, VENUE_FAULTS, WORLD_FAULTS } from './plan.ts';

const venues = ['a', 'b', 'c', 'd', 'e', 'f'];
const plan = (seed: number, durationMs = 600_000) => planChaos({ seed, durationMs, venues });

test('the same seed gives the same faults, another one others', () => {
  expect(plan(1)).toEqual(plan(1));
  expect(plan(1)).not.toEqual(plan(2));
});

test('ten minutes hold every kind of fault, and all of them end in time', () => {
  for (const seed of [1, 2, 3]) {
    const incidents = plan(seed);
    expect(new Set(incidents.map(({ fault }) => fault))).toEqual(new Set([...VENUE_FAULTS, ...WORLD_FAULTS]));
    expect(Math.max(...incidents.map(({ endMs }) => endMs))).toBeLessThanOrEqual(600_000);
  }
});

test('a minute holds every fault of the world', () => {
  for (const seed of [1, 2, 3]) {
    expect(plan(seed, 58_000).map(({ fault }) => fault)).toEqual(expect.arrayContaining([...WORLD_FAULTS]));
  }
});

test('a venue has one fault at a time, at most two have any, and one of them lies or is frozen', () => {
  for (const seed of [7, 8, 9]) {
    const incidents = plan(seed).filter((incident) => 'venue' in incident);
    for (const { startMs } of incidents) {
      const open = incidents.filter((other) => other.startMs <= startMs && startMs < other.endMs);
      expect(open.length).toBeLessThanOrEqual(2);
      expect(new Set(open.map(({ venue }) => venue)).size).toBe(open.length);
      expect(open.filter(({ fault }) => fault === 'lie' || fault === 'freeze').length).toBeLessThanOrEqual(1);
    }
  }
});

test('only the faults that are asked for are planned', () => {
  const incidents = planChaos({
    seed: 1,
    durationMs: 60_000,
    venues,
    venueFaults: ['cut', 'lie'],
    worldEveryMs: 30_000,
  });
  const ofVenues = incidents.filter((incident) => 'venue' in incident);
  expect(new Set(ofVenues.map(({ fault }) => fault))).toEqual(new Set(['cut', 'lie']));
  expect(incidents.length - ofVenues.length).toBe(2);
});
